"""The range coder of payloads and what it codes numbers with: written from docs/format.md."""


class Bit:
    __slots__ = ("p", "seen")

    def __init__(self, seen=0):
        self.p, self.seen = 32768, seen


class RangeDecoder:
    def __init__(self, data):
        self.data, self.at = data, 4
        self.code = int.from_bytes(data[:4].ljust(4, b"\0"), "big")
        self.range = 0xFFFFFFFF

    def _normalise(self):
        while self.range < 1 << 24:
            if self.at >= len(self.data) + 4:
                raise ValueError("payload ends too early")
            byte = self.data[self.at] if self.at < len(self.data) else 0
            self.at += 1
            self.range = self.range << 8 & 0xFFFFFFFF
            self.code = (self.code << 8 | byte) & 0xFFFFFFFF

    def bit(self, m):
        bound = (self.range >> 16) * m.p
        value = int(self.code >= bound)
        if value:
            self.code -= bound
            self.range -= bound
        else:
            self.range = bound
        m.p += ((0 if value else 65536) - m.p) * (131072 // (2 * m.seen + 3)) >> 16
        m.p = min(max(m.p, 48), 65536 - 48)
        m.seen = min(m.seen + 1, 250)
        self._normalise()
        return value

    def uniform(self, count):
        share = self.range // count
        value = min(self.code // share, count - 1)
        self.code -= share * value
        self.range = share
        self._normalise()
        return value


class Magnitude:
    def __init__(self):
        self.longer = [Bit() for _ in range(30)]
        self.top = [[Bit() for _ in range(4)] for _ in range(30)]

    def decode(self, coder):
        c = 0
        while coder.bit(self.longer[c]):
            c += 1
            if c == 30:
                raise ValueError("number too large")
        m, left = 1, c
        while left > 0:
            if m < 4:
                m = m << 1 | coder.bit(self.top[c][m])
                left -= 1
            else:
                width = min(left, 16)
                m = m << width | coder.uniform(1 << width)
                left -= width
        return m - 1


class Integer:
    def __init__(self):
        self.magnitude, self.negative = Magnitude(), Bit()

    def decode(self, coder):
        m = self.magnitude.decode(coder)
        return -m if m and coder.bit(self.negative) else m


class Cell:
    """A code between two known ones."""

    def __init__(self):
        self.bits = {}

    def decode(self, coder, first, last, stride):
        count = last - first + 1
        shares = min(count, 8)
        low, high, node = 0, shares, 1
        while high - low > 1:
            middle = (low + high) // 2
            key = min(stride.bit_length(), 4), shares, node
            upper = coder.bit(self.bits.setdefault(key, Bit(4)))
            low, high = (middle, high) if upper else (low, middle)
            node = 2 * node + upper
        begin, end = (low * count + shares - 1) // shares, (high * count + shares - 1) // shares
        m = end - begin
        if m <= 65536:
            return first + begin + coder.uniform(m)
        x = coder.uniform((m - 1) // 65536 + 1) * 65536
        x += coder.uniform(65536)
        if x >= m:
            raise ValueError("payload is damaged: centre outside its box")
        return first + begin + x

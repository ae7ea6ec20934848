"""A Gaussian model: its payload decoded, its values at points. numpy alone, written from docs/format.md."""

import math
import struct
import zlib

import numpy as np

from entropy import Bit, Cell, Integer, RangeDecoder

EPS = np.float32(2.0**-16)
F32 = np.float32


class Model:
    """One block: domain, value scaling, and per Gaussian mu [n, 3], a [n, 6] (a00 a01 a02 a11 a12 a22), v [n], f32."""


class Bytes:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n):
        if self.at + n > len(self.data):
            raise ValueError("payload ends too early")
        self.at += n
        return self.data[self.at - n : self.at]

    def unpack(self, code):
        return struct.unpack("<" + code, self.take(struct.calcsize("<" + code)))[0]

    def varint(self):
        x = 0
        for shift in range(0, 35, 7):
            b = self.take(1)[0]
            x |= (b & 127) << shift
            if b < 128:
                return x
        raise ValueError("varint of more than 5 bytes")

    def numbers(self, count):
        tags = self.take((count + 3) // 4)
        readers = [lambda: 0.0, lambda: float(self.varint()), lambda: self.unpack("f"), lambda: self.unpack("d")]
        return [readers[tags[i // 4] >> 2 * (i % 4) & 3]() for i in range(count)]


# (ln 2)^k / k!, the constants of docs/format.md.
LN2_POWERS = [1.0, 0.6931471805599453, 0.2402265069591007, 0.05550410866482158, 0.009618129107628477,
              0.0013333558146428443, 0.00015403530393381608, 1.5252733804059841e-05, 1.3215486790144309e-06,
              1.0178086009239699e-07, 7.0549116208011225e-09]  # fmt: skip


def exp2(x):
    i = math.floor(x)
    r = x - i
    p = LN2_POWERS[10]
    for c in LN2_POWERS[9::-1]:
        p = p * r + c
    return math.ldexp(p, i)


def read_payload(data, previous=None):
    """A model; `previous`: the model that the payload holds changes to, where it does."""
    data = bytes(data)
    if data[:2] != b"Gs":
        raise ValueError("not a Gaussitu payload")
    if data[2] != 1:
        raise ValueError(f"payload version {data[2]}: this reader knows version 1")
    if zlib.crc32(data[7:]) != int.from_bytes(data[3:7], "little"):
        raise ValueError("payload is damaged: checksum")
    b = Bytes(data)
    b.take(7)
    m = Model()
    flags = b.take(1)[0]
    if flags & ~7:
        raise ValueError("payload uses features this reader does not know")
    n = b.varint()
    if flags & 4:
        read_changes(b, m, n, flags, previous)
        return m
    if n > 8 * len(data):
        raise ValueError("payload is damaged: count")
    scales = 1 if flags & 1 else 3
    x = b.numbers(10 + scales + (6 if n else 0))
    m.origin = np.array(x[:3])
    m.scale = np.array(x[3 : 3 + scales] * (3 // scales))
    x = x[3 + scales :]
    m.extent = np.array(x[:3])
    set_values(m, x[3:7], flags)
    m.lo, m.size = x[7::2], x[8::2]
    if n:
        m.bits = list(b.take(3))
        m.steps = read_steps(b)
        set_gaussians(m, *read_gaussians(b, RangeDecoder, m, n, read_prediction(b)))
    else:
        m.mu, m.a, m.v = np.zeros((0, 3), F32), np.zeros((0, 6), F32), np.zeros(0, F32)
    return m


def set_values(m, x, flags):
    m.value_min = x[0]
    m.value_range = x[1] - x[0] if flags & 2 else x[1]
    m.mean, m.coverage = F32(x[2]), F32(x[3])


def read_steps(b):
    """Steps of position, scale, skew, value."""
    return [float(np.frombuffer(b"\0\0" + b.take(2), "<f4")[0]) for _ in range(4)]


def read_prediction(b):
    means = []
    for _ in range(7):
        z = b.varint()
        means.append(-(z >> 1) - 1 if z & 1 else z >> 1)
    return means, list(b.take(3))


def edges(m):
    return [m.size[k] / 2 ** m.bits[k] for k in range(3)]


def axes_of_code(m):
    """The axis of each bit of a cell's code, most significant first."""
    axes, used = [], [0, 0, 0]
    for _ in range(sum(m.bits)):
        k = max((k for k in range(3) if used[k] < m.bits[k]), key=lambda k: (m.size[k] / 2 ** used[k], -k))
        used[k] += 1
        axes.append(k)
    return axes


def shape(p, steps):
    """A (a00 a01 a02 a11 a12 a22) from whole numbers, f32 as float."""
    d0, d1, d2 = (float(F32(exp2(p[k] * steps[1]))) for k in range(3))
    a01, a02, a12 = (float(F32(p[3 + k] * steps[2] * d)) for k, d in enumerate((d1, d2, d2)))
    return d0, a01, a02, d1, a12, d2


def parts_of(m, a):
    """Into how many parts a cell is cut along each axis for a Gaussian of shape a."""
    columns = ((a[0], 0.0, 0.0), (a[1], a[3], 0.0), (a[2], a[4], a[5]))
    parts = []
    for k, (u, v, w) in enumerate(columns):
        edge, reach = edges(m)[k], max(abs(m.lo[k]), abs(m.lo[k] + m.size[k]))
        most = 1 if m.size[k] == 0 else int(min(max(edge / reach * 2**19, 1), 65536))
        parts.append(min(max(math.ceil(edge * math.sqrt(u * u + v * v + w * w) / m.steps[0]), 1), most))
    return parts


def set_gaussians(m, cells, sub, numbers):
    """Whole numbers [n, 3], [n, 3], [n, 7] to mu, a, v."""
    n = len(numbers)
    m.numbers = numbers
    m.mu, m.a, m.v = np.zeros((n, 3), F32), np.zeros((n, 6), F32), np.zeros(n, F32)
    edge = edges(m)
    for i in range(n):
        p = [int(x) for x in numbers[i]]
        m.a[i] = a = shape(p, m.steps)
        for k, parts in enumerate(parts_of(m, a)):
            m.mu[i, k] = m.lo[k] + (int(cells[i, k]) + (int(sub[i, k]) + 0.5) / parts) * edge[k]
        m.v[i] = p[6] * m.steps[3]


def coarse_to_fine(n):
    """Each of n Gaussians, in the order they are coded, with the distance to its known neighbours."""
    s = 1
    while s < n:
        s *= 2
    if n > 0:
        yield 0, s
    while s > 1:
        s //= 2
        for i in range(s, n, 2 * s):
            yield i, s


def read_gaussians(b, decoder, m, n, prediction):
    """`decoder`: RangeDecoder to begin with the next byte, or one that is under way."""
    means, weights = prediction
    axes = axes_of_code(m)
    coder = decoder(b.data[b.at :]) if decoder is RangeDecoder else decoder
    between, models = Cell(), [Integer() for _ in range(3)]
    cells, sub, numbers = (np.zeros((n, k), np.int64) for k in (3, 3, 7))
    codes = [0] * n
    for known, (i, s) in enumerate(coarse_to_fine(n)):
        last = codes[i + s] if i + s < n else 2 ** sum(m.bits) - 1
        codes[i] = code = between.decode(coder, codes[i - s] if i > 0 else 0, last, s)
        cell = [0, 0, 0]
        for j, k in enumerate(axes):
            cell[k] = cell[k] << 1 | code >> (len(axes) - 1 - j) & 1
        cells[i] = cell

        predicted = means
        if known >= 4:
            around = np.array([*range(i - s, -1, -s)][:32] + [*range(i + s, n, 2 * s)][:32])
            distance = ((cells[around] - cells[i]) ** 2).sum(1)
            near = around[np.argsort(distance, kind="stable")[:4]]
            deviation = (numbers[near] - means).sum(0)
            predicted = [int(means[k]) + (int(deviation[k]) * weights[k // 3] + 128 >> 8) for k in range(7)]
        numbers[i] = p = [predicted[k] + models[k // 3].decode(coder) for k in range(7)]
        sub[i] = [coder.uniform(parts) for parts in parts_of(m, shape(p, m.steps))]
    return cells, sub, numbers


def read_changes(b, m, n, flags, old):
    """What changed since the model `old`."""
    check = b.unpack("I")
    x = b.numbers(4)
    if old is None:
        raise ValueError("this payload holds changes to the model of an earlier step")
    if zlib.crc32(np.hstack([old.mu, old.a, old.v[:, None]]).astype("<f4").tobytes()) != check:
        raise ValueError("payload is damaged: it holds changes to another model")
    m.origin, m.scale, m.extent = old.origin, old.scale, old.extent
    m.lo, m.size, m.bits = old.lo, old.size, old.bits
    set_values(m, x, flags)
    m.steps = read_steps(b)
    born = b.varint()
    if born > n or n - born > len(old.v):
        raise ValueError("payload is damaged: number of new Gaussians")
    prediction = read_prediction(b) if born else None

    coder = RangeDecoder(b.data[b.at :])
    dies, models = Bit(), [[Integer() for _ in range(3)] for _ in range(10)]
    scale = old.value_range / m.value_range if m.value_range > 0 else 1.0
    shift = (old.value_min - m.value_min) / m.value_range if m.value_range > 0 else 0.0
    edge, moved = edges(m), [0] * len(old.v)
    alive = {}
    for j, s in coarse_to_fine(len(old.v)):
        if coder.bit(dies):
            continue
        near = 0
        if j > 0:
            near = (moved[j - s] + moved[j + s]) // 2 if j + s < len(old.v) else moved[j - s]

        def difference(k):
            around = 2 * moved[j] + near
            d = models[k][0 if around < 4 else 1 if around < 12 else 2].decode(coder)
            moved[j] += min(abs(d), 64)
            return d

        p = [0] * 7
        for k in range(6, -1, -1):
            x = int(old.numbers[j, k])
            if k == 6:
                x = (x * old.steps[3] * scale + shift) / m.steps[3]
            else:
                x = x * old.steps[1 if k < 3 else 2] / m.steps[1 if k < 3 else 2]
            most = math.floor(40 / m.steps[1]) if k < 3 else 2**28
            expected = min(max(math.floor(x + 0.5), -most), most) if math.isfinite(x) else 0
            p[k] = expected + difference(k)
        cell, part = [0, 0, 0], [0, 0, 0]
        for k, parts in enumerate(parts_of(m, shape(p, m.steps))):
            at, fraction = 0, 0.0
            if m.size[k] > 0:
                x = (float(old.mu[j, k]) - m.lo[k]) / edge[k]
                at = int(min(max(math.floor(x), 0), 2 ** m.bits[k] - 1))
                fraction = min(max(x - at, 0.0), math.nextafter(1.0, 0.0))
            at = at * parts + min(int(fraction * parts), parts - 1) + difference(7 + k)
            if at < 0 or at >= parts << m.bits[k]:
                raise ValueError("payload is damaged: centre outside its box")
            cell[k], part[k] = divmod(at, parts)
        alive[j] = cell, part, p
    if len(alive) != n - born:
        raise ValueError("payload is damaged: number of Gaussians that live on")
    cells, sub, numbers = ([alive[j][k] for j in sorted(alive)] for k in range(3))
    all_of = [np.array(x, np.int64).reshape(-1, k) for x, k in ((cells, 3), (sub, 3), (numbers, 7))]
    if born:
        all_of = [np.vstack(x) for x in zip(all_of, read_gaussians(b, coder, m, born, prediction))]
    cells, sub, numbers = all_of

    code, left = np.zeros(n, np.int64), list(m.bits)
    for k in axes_of_code(m):
        left[k] -= 1
        code = code << 1 | cells[:, k] >> left[k] & 1
    order = np.lexsort((sub[:, 0], sub[:, 1], sub[:, 2], code))
    set_gaussians(m, cells[order], sub[order], numbers[order])


def fma(x, y, z):
    """f32 fused multiply-add: the product of two f32 is exact in f64; the sum is rounded twice only in rare ties."""
    return (x.astype(np.float64) * y + z).astype(F32)


def evaluate(m, points):
    """Field values and inside flags at world points [n, 3]."""
    x = ((np.asarray(points, np.float64) - m.origin) * m.scale).astype(F32)
    order = np.argsort(x[:, 0], kind="stable")  # Gaussians reach a range of x: fewer points to look at
    x = x[order]
    n, d = np.full(len(x), EPS * m.mean, F32), np.full(len(x), EPS, F32)
    cover = np.zeros(len(x), F32)
    for mu, a, v in zip(m.mu, m.a, m.v):
        full = np.array([[a[0], a[1], a[2]], [0, a[3], a[4]], [0, 0, a[5]]], np.float64)
        half = math.sqrt(8.01 * (np.linalg.inv(full)[0] ** 2).sum()) + 1e-4 * abs(mu[0])
        s = slice(*np.searchsorted(x[:, 0], [F32(mu[0] - half), F32(mu[0] + half)]))
        dx, dy, dz = (x[s, k] - mu[k] for k in range(3))
        t2 = a[5] * dz
        t1 = fma(dy, a[3], a[4] * dz)
        t0 = fma(dx, a[0], fma(dy, a[1], a[2] * dz))
        d2 = fma(t0, t0, fma(t1, t1, t2 * t2))
        q = np.maximum(F32(0), fma(d2, F32(-0.125), F32(1)))
        w = (q * q) * (q * q)
        n[s] = fma(w, v, n[s])
        d[s] += w
        cover[s] += w
    back = np.empty_like(order)
    back[order] = np.arange(len(order))
    values = m.value_range * (n / d).astype(np.float64) + m.value_min
    inside = (cover > 0) & (cover >= m.coverage) if len(m.v) else np.ones(len(x), bool)
    return values[back], inside[back]


def model_part(data):
    """The model within a bounded payload."""
    b = Bytes(data)
    version, flags = b.unpack("B"), b.unpack("B")
    if version != 1:
        raise ValueError("a bounded payload of a newer version")
    for _ in range(3):
        b.varint()  # dims
    b.take(1)  # references
    if not flags & 64:
        raise ValueError("this bounded block has no model")
    return b.take(b.varint())

#!/usr/bin/env python3
"""Decodes Gaussian models of a Gaussitu run with numpy and h5py alone, written from docs/format.md.

    read_model.py RUN --field u --step 3 --grid 64x64x32 -o out.npy

The grid spans the block's bounding box. Blocks of kind bounded have a model too, unless they are small. For one payload in a
file of its own: --payload FILE instead of RUN.
"""

import argparse
import json
import math
import os
import struct
import sys
import zlib

import numpy as np

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


class Bit:
    __slots__ = ("p", "seen")

    def __init__(self):
        self.p, self.seen = 32768, 0


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


def read_payload(data):
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
    if flags & ~3:
        raise ValueError("payload uses features this reader does not know")
    n = b.varint()
    if n > 8 * len(data):
        raise ValueError("payload is damaged: count")
    scales = 1 if flags & 1 else 3
    x = b.numbers(10 + scales + (6 if n else 0))
    m.origin = np.array(x[:3])
    m.scale = np.array(x[3 : 3 + scales] * (3 // scales))
    x = x[3 + scales :]
    m.extent, m.value_min = np.array(x[:3]), x[3]
    m.value_range = x[4] - x[3] if flags & 2 else x[4]
    m.mean, m.coverage = F32(x[5]), F32(x[6])
    m.mu, m.a, m.v = np.zeros((n, 3), F32), np.zeros((n, 6), F32), np.zeros(n, F32)
    if n:
        lo, size = x[7::2], x[8::2]
        read_gaussians(b, m, n, lo, size)
    return m


def read_gaussians(b, m, n, lo, size):
    bits = list(b.take(3))
    position, scale, skew, value = (
        float(np.frombuffer(b"\0\0" + b.take(2), "<f4")[0]) for _ in range(4)
    )
    means = []
    for _ in range(7):
        z = b.varint()
        means.append(-(z >> 1) - 1 if z & 1 else z >> 1)
    weights = list(b.take(7))

    edge = [size[k] / 2 ** bits[k] for k in range(3)]
    most = []
    for k in range(3):
        reach = max(abs(lo[k]), abs(lo[k] + size[k]))
        most.append(1 if size[k] == 0 else int(min(max(edge[k] / reach * 2**19, 1), 65536)))
    axes, used = [], [0, 0, 0]  # the axis of each bit of a code, most significant first
    for _ in range(sum(bits)):
        k = max((k for k in range(3) if used[k] < bits[k]), key=lambda k: (size[k] / 2 ** used[k], -k))
        used[k] += 1
        axes.append(k)

    coder = RangeDecoder(b.data[b.at :])
    gap, models = Magnitude(), [Integer() for _ in range(7)]
    cells, numbers = np.zeros((n, 3), np.int64), np.zeros((n, 7), np.int64)
    code = 0
    for i in range(n):
        code += gap.decode(coder)
        if code >> sum(bits):
            raise ValueError("payload is damaged: centre outside its box")
        cell = [0, 0, 0]
        for j, k in enumerate(axes):
            cell[k] = cell[k] << 1 | code >> (len(axes) - 1 - j) & 1
        cells[i] = cell

        predicted = means
        if i >= 4:
            first = max(0, i - 64)
            distance = ((cells[first:i] - cells[i]) ** 2).sum(1)[::-1]
            near = i - 1 - np.argsort(distance, kind="stable")[:4]
            deviation = (numbers[near] - means).sum(0)
            predicted = [int(means[k]) + (int(deviation[k]) * weights[k] >> 8) for k in range(7)]
        p = [predicted[k] + models[k].decode(coder) for k in range(7)]
        numbers[i] = p

        d0, d1, d2 = (float(F32(exp2(p[k] * scale))) for k in range(3))
        a01, a02, a12 = (float(F32(p[3 + k] * skew * d)) for k, d in enumerate((d1, d2, d2)))
        columns = ((d0, 0.0, 0.0), (a01, d1, 0.0), (a02, a12, d2))
        for k, (u, v, w) in enumerate(columns):
            parts = math.ceil(edge[k] * math.sqrt(u * u + v * v + w * w) / position)
            parts = min(max(parts, 1), most[k])
            part = coder.uniform(parts)
            m.mu[i, k] = lo[k] + (cell[k] + (part + 0.5) / parts) * edge[k]
        m.a[i] = d0, a01, a02, d1, a12, d2
        m.v[i] = p[6] * value


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


def grid_points(m, dims):
    lo, hi = m.origin, m.origin + m.extent / m.scale
    axes = [np.linspace(lo[k], hi[k], dims[k]) if dims[k] > 1 else np.array([lo[k]]) for k in range(3)]
    z, y, x = np.meshgrid(axes[2], axes[1], axes[0], indexing="ij")
    return np.stack([x.ravel(), y.ravel(), z.ravel()], 1)


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


def run_payload(run, field, step, block):
    import h5py

    name = field.replace("%", "%25").replace("/", "%2F")
    name = "%2E" + name[1:] if name.startswith(".") else name
    path = os.path.join(run, f"step_{step:06d}.h5")
    with h5py.File(path) as f:
        if name not in f:
            raise ValueError(f"{path} has no field {field}: it has {', '.join(f)}")
        data, table = f[name], json.loads(f[name].attrs["certificate"])
        at = 0
        for i in range(table.get("rows", 1)):
            row = {k: v[i] if isinstance(v, list) else v for k, v in table.items()}
            if row["block"] == block:
                if row["kind"] not in ("gaussian", "bounded"):
                    raise ValueError(f"{field}, block {block} is stored as {row['kind']}, not as a model")
                return data[at : at + row["bytes"]].tobytes()
            at += row["bytes"]
    raise ValueError(f"{path}: {field} has no block {block}")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("run", nargs="?", help="run folder")
    p.add_argument("--payload", help="file with one payload, instead of a run")
    p.add_argument("--field")
    p.add_argument("--step", type=int)
    p.add_argument("--block", type=int, default=0)
    p.add_argument("--grid", required=True, help="NXxNYxNZ over the block's bounding box")
    p.add_argument("-o", "--output", required=True, help=".npy, f64 [nz, ny, nx]; NaN outside the domain")
    args = p.parse_args()
    if args.payload:
        with open(args.payload, "rb") as f:
            data = f.read()
    elif args.run and args.field and args.step is not None:
        data = run_payload(args.run, args.field, args.step, args.block)
    else:
        p.error("give RUN, --field and --step, or --payload")
    dims = [int(x) for x in args.grid.split("x")]
    m = read_payload(data if data[:2] == b"Gs" else model_part(data))
    values, inside = evaluate(m, grid_points(m, dims))
    values[~inside] = np.nan
    np.save(args.output, values.reshape(dims[2], dims[1], dims[0]))
    print(f"{len(m.v)} Gaussians; {inside.mean():.1%} of the grid inside; {args.output}")


if __name__ == "__main__":
    try:
        main()
    except (ValueError, OSError) as error:
        sys.exit(f"read_model: {error}")

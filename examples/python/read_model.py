#!/usr/bin/env python3
"""Decodes Gaussian models of a Gaussitu run with numpy and h5py alone, written from docs/format.md.

    read_model.py RUN --field u --step 3 --grid 64x64x32 -o out.npy

The grid spans the block's bounding box. Blocks of kind bounded have a model too, unless they are small. For one payload in a
file of its own: --payload FILE instead of RUN.
"""

import argparse
import json
import os
import sys

import numpy as np

from gaussian_model import evaluate, model_part, read_payload


def grid_points(m, dims):
    lo, hi = m.origin, m.origin + m.extent / m.scale
    axes = [np.linspace(lo[k], hi[k], dims[k]) if dims[k] > 1 else np.array([lo[k]]) for k in range(3)]
    z, y, x = np.meshgrid(axes[2], axes[1], axes[0], indexing="ij")
    return np.stack([x.ravel(), y.ravel(), z.ravel()], 1)


def run_model(run, field, step, block):
    """The model of a block at a step, with those it holds changes to: back to the last keyframe at most."""
    changes = []
    while True:
        data, earlier = run_payload(run, field, step, block)
        changes.append(data)
        if earlier is None:
            break
        if earlier >= step:
            raise ValueError(f"step {step} refers to step {earlier}")
        step = earlier
    m = None
    for data in reversed(changes):
        m = read_payload(data if data[:2] == b"Gs" else model_part(data), m)
    return m


def run_payload(run, field, step, block):
    """The payload, and the step of the model that it holds changes to or None."""
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
                earlier = row.get("earlier") if row["kind"] == "gaussian" else None
                return data[at : at + row["bytes"]].tobytes(), earlier
            at += row["bytes"]
    raise ValueError(f"{path}: {field} has no block {block}")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("run", nargs="?", help="run folder")
    p.add_argument("--payload", action="append", help="file with one payload, instead of a run; again: with changes to it")
    p.add_argument("--field")
    p.add_argument("--step", type=int)
    p.add_argument("--block", type=int, default=0)
    p.add_argument("--grid", required=True, help="NXxNYxNZ over the block's bounding box")
    p.add_argument("-o", "--output", required=True, help=".npy, f64 [nz, ny, nx]; NaN outside the domain")
    args = p.parse_args()
    if args.payload:
        m = None
        for path in args.payload:
            with open(path, "rb") as f:
                data = f.read()
            m = read_payload(data if data[:2] == b"Gs" else model_part(data), m)
    elif args.run and args.field and args.step is not None:
        m = run_model(args.run, args.field, args.step, args.block)
    else:
        p.error("give RUN, --field and --step, or --payload")
    dims = [int(x) for x in args.grid.split("x")]
    values, inside = evaluate(m, grid_points(m, dims))
    values[~inside] = np.nan
    np.save(args.output, values.reshape(dims[2], dims[1], dims[0]))
    print(f"{len(m.v)} Gaussians; {inside.mean():.1%} of the grid inside; {args.output}")


if __name__ == "__main__":
    try:
        main()
    except (ValueError, OSError) as error:
        sys.exit(f"read_model: {error}")

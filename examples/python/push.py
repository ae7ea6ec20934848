#!/usr/bin/env python3
"""A simulation in Python coupled to a gaussitu service by protocol alone (docs/protocol.md): pyzmq, msgpack, numpy.

A scalar is carried round by a vortex in a periodic box; every few solver steps it is pushed. What the client library
does beyond this: an own thread, resending after a lost connection, policies for a slow service.

    python3 examples/python/push.py --grid 48 --steps 5 --endpoint tcp://127.0.0.1:5555
"""

import argparse
import sys
import time

import msgpack
import numpy as np
import zmq


class Coupling:
    """One rank of one run. Raises RuntimeError when the service refuses, TimeoutError when it is silent."""

    def __init__(self, endpoint, run, timeout=60):
        self.socket = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.setsockopt(zmq.LINGER, 2000)  # the default waits for ever at exit
        self.socket.connect(endpoint)
        self.timeout = timeout
        self.credit = 0
        self.durable = {}  # step -> the service's ack
        self.send({"t": "hello", "v": 1, "run": run, "rank": 0, "ranks": 1, "client": "push.py"})
        self.wait(lambda: self.credit > 0)

    def mesh(self, name, origin, spacing, dims):
        self.send({"t": "mesh", "mesh": name, "block": 0, "kind": "uniform", "dims": list(dims), "arrays": [],
                   "origin": list(origin), "spacing": list(spacing)})  # fmt: skip

    def step(self, number, t, mesh, **fields):
        """fields: arrays [nz, ny, nx] (x fastest), float32 or float64, one value per node."""
        self.send({"t": "begin", "step": number, "time": float(t)})
        for name, values in fields.items():
            values = np.ascontiguousarray(values)
            dtype = {"<f4": "f32", "<f8": "f64"}[values.dtype.newbyteorder("<").str]
            self.wait(lambda: self.credit > 0)
            self.send({"t": "field", "step": number, "field": name, "mesh": mesh, "block": 0, "assoc": "node",
                       "dtype": dtype, "shape": [values.size]}, values)  # fmt: skip
            self.credit -= values.nbytes
        self.send({"t": "end", "step": number, "fields": len(fields)})

    def close(self, last_step):
        """Waits until `last_step` is durable, then says goodbye."""
        self.wait(lambda: last_step in self.durable)
        self.send({"t": "bye"})
        self.socket.close()

    def send(self, header, *arrays):
        self.socket.send_multipart([msgpack.packb(header), *arrays])

    def wait(self, done):
        """Takes answers until done(); a ping a second keeps the conversation alive on both sides."""
        heard = time.monotonic()
        while not done():
            if self.socket.poll(1000):
                heard = time.monotonic()
                self.answer(msgpack.unpackb(self.socket.recv_multipart()[0]))
            elif time.monotonic() - heard > self.timeout:
                raise TimeoutError(f"nothing came from the service for {self.timeout} s")
            else:
                self.send({"t": "ping"})

    def answer(self, message):
        kind = message["t"]
        if kind == "welcome":
            self.credit = message["credit"]
        elif kind == "credit":
            self.credit += message["bytes"]
        elif kind == "ack":
            self.durable[message["step"]] = message
        elif kind in ("refuse", "error"):
            raise RuntimeError(f"{message['code']}: {message['message']}")


def vortex(n, dtype):
    """Yields the carried scalar after each solver step, [n, n, n], periodic in [0, 1)^3 (semi-Lagrangian)."""
    axis = np.arange(n) / n
    z, y, x = np.meshgrid(axis, axis, axis, indexing="ij")
    field = np.exp(-40 * ((x - 0.35) ** 2 + (y - 0.5) ** 2 + (z - 0.5) ** 2))
    u = np.sin(2 * np.pi * y) * 0.2  # a shear flow in x, another in z: mixes without leaving the box
    w = np.sin(2 * np.pi * x) * 0.1
    at = (np.stack([z - 0.05 * w, y, x - 0.05 * u]) * n) % n
    low = np.floor(at).astype(int) % n
    part = at - np.floor(at)
    while True:
        yield field.astype(dtype)
        new = np.zeros_like(field)
        for corner in np.ndindex(2, 2, 2):
            weight = np.prod([part[a] if c else 1 - part[a] for a, c in enumerate(corner)], axis=0)
            new += weight * field[tuple((low[a] + c) % n for a, c in enumerate(corner))]
        field = new


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--grid", type=int, default=48, help="nodes per axis")
    parser.add_argument("--steps", type=int, default=5, help="timesteps to push")
    parser.add_argument("--every", type=int, default=4, help="solver steps between them")
    parser.add_argument("--double", action="store_true", help="push f64 instead of f32")
    parser.add_argument("--run", default="vortex")
    parser.add_argument("--endpoint", default="tcp://127.0.0.1:5555")
    args = parser.parse_args()

    n = args.grid
    coupling = Coupling(args.endpoint, args.run)
    coupling.mesh("box", (0, 0, 0), (1 / n,) * 3, (n,) * 3)
    simulation = vortex(n, np.float64 if args.double else np.float32)
    for step in range(args.steps):
        for _ in range(args.every):
            field = next(simulation)
        coupling.step(step, step * args.every * 0.05, "box", scalar=field)
        print(f"step {step}: pushed {field.nbytes / 1e6:.2f} MB, {len(coupling.durable)} steps durable so far")
    coupling.close(args.steps - 1)
    raw = sum(ack["raw"] for ack in coupling.durable.values())
    stored = sum(ack["stored"] for ack in coupling.durable.values())
    print(f"{len(coupling.durable)} of {args.steps} steps durable: {raw / 1e6:.2f} MB raw, {stored / 1e6:.3f} MB stored")


if __name__ == "__main__":
    try:
        main()
    except (RuntimeError, TimeoutError) as error:
        sys.exit(f"push.py: {error}")

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createCodec } from '../../src/codec/index.js';
import type { Mesh, Triple } from '../../src/protocol/mesh.js';
import { bytesOf, dataCase, DIMS, gridPoints, readF32, request, uniform, wave, waveAt } from './helpers.js';

const codec = createCodec();
const points = gridPoints(DIMS);

/** The same box as tetrahedra: six to a cell of the grid. */
function tetrahedra([nx, ny, nz]: Triple): Mesh {
  const connectivity: number[] = [];
  const id = (i: number, j: number, k: number) => (k * ny + j) * nx + i;
  for (let k = 0; k + 1 < nz; k++)
    for (let j = 0; j + 1 < ny; j++)
      for (let i = 0; i + 1 < nx; i++)
        for (const [a, b] of [
          [
            [1, 0, 0],
            [1, 1, 0],
          ],
          [
            [1, 0, 0],
            [1, 0, 1],
          ],
          [
            [0, 1, 0],
            [1, 1, 0],
          ],
          [
            [0, 1, 0],
            [0, 1, 1],
          ],
          [
            [0, 0, 1],
            [1, 0, 1],
          ],
          [
            [0, 0, 1],
            [0, 1, 1],
          ],
        ] as [Triple, Triple][]) {
          connectivity.push(id(i, j, k), id(i + a[0], j + a[1], k + a[2]));
          connectivity.push(id(i + b[0], j + b[1], k + b[2]), id(i + 1, j + 1, k + 1));
        }
  const cells = connectivity.length / 4;
  return {
    kind: 'unstructured',
    points: Float32Array.from(points),
    connectivity: Int32Array.from(connectivity),
    offsets: Int32Array.from({ length: cells + 1 }, (_, i) => 4 * i),
    types: new Uint8Array(cells).fill(10),
  };
}

const axis = (n: number) => Float64Array.from({ length: n }, (_, i) => i);
const meshes: [string, Mesh][] = [
  ['uniform', uniform],
  ['rectilinear', { kind: 'rectilinear', dims: DIMS, x: axis(DIMS[0]), y: axis(DIMS[1]), z: axis(DIMS[2]) }],
  ['curvilinear', { kind: 'curvilinear', dims: DIMS, points }],
  ['unstructured', tetrahedra(DIMS)],
  ['points', { kind: 'points', points }],
];

describe('round trip', () => {
  it.each(meshes)('of a node field on a mesh of kind %s', async (_, mesh) => {
    const result = await codec.encode(request({ mesh, iterations: 20 }));
    expect(result.payload.byteLength).toBeLessThanOrEqual(1500);
    expect(result.payload.byteLength).toBeGreaterThanOrEqual(0.985 * 1500);
    expect(result.metrics.psnr).toBeGreaterThan(30);
    const decoded = await codec.decode(result.payload, { mesh, association: 'node' });
    expect(decoded.values).toBeInstanceOf(Float32Array);
    expect(codec.crc32(bytesOf(decoded.values))).toBe(result.metrics.crc);
    expect(decoded.inside.every((x) => x === 1)).toBe(true);
    const original = waveAt(points);
    const worst = original.reduce(
      (most, x, i) => Math.max(most, Math.abs(x - (decoded.values[i] ?? NaN))),
      0,
    );
    expect(worst).toBe(result.metrics.maxError);
  });

  it('of a cell field on an unstructured mesh, in f64', async () => {
    const mesh = tetrahedra([8, 6, 5]);
    if (mesh.kind !== 'unstructured') throw new Error('unreachable');
    const nodes = gridPoints([8, 6, 5]);
    mesh.points = nodes;
    const values = new Float64Array(mesh.types.length);
    for (let c = 0; c < values.length; c++) {
      let x = 0;
      for (let k = 0; k < 4; k++) x += (nodes[3 * Number(mesh.connectivity[4 * c + k])] ?? 0) / 4;
      values[c] = 1e10 + x;
    }
    const result = await codec.encode(
      request({ mesh, association: 'cell', dtype: 'f64', data: bytesOf(values), target: { gaussians: 40 } }),
    );
    expect(result.gaussians).toBe(40);
    expect(result.metrics.valueMin).toBe(values.reduce((a, b) => Math.min(a, b)));
    const decoded = await codec.decode(result.payload, { mesh, association: 'cell' }, 'f64');
    expect(decoded.values).toBeInstanceOf(Float64Array);
    expect(codec.crc32(bytesOf(decoded.values))).toBe(result.metrics.crc);
    expect(result.metrics.psnr).toBeGreaterThan(25);
  });

  it('leaves ghost layers out, and takes one component of a vector field at an odd address', async () => {
    const inner = await codec.encode(request());
    const wide: Triple = [DIMS[0] + 2, DIMS[1] + 1, DIMS[2]];
    const at = gridPoints(wide);
    const vector = new Float32Array((3 * at.length) / 3);
    for (let i = 0; i < vector.length / 3; i++) {
      const [x, y, z] = [(at[3 * i] ?? 0) - 1, (at[3 * i + 1] ?? 0) - 1, at[3 * i + 2] ?? 0];
      const ghost = x < 0 || x >= DIMS[0] || y < 0;
      vector.set([-5, ghost ? 1e30 : wave(x, y, z), Number.NaN], 3 * i);
    }
    const odd = new Uint8Array(vector.byteLength + 3).subarray(3);
    odd.set(bytesOf(vector));
    const result = await codec.encode(
      request({
        mesh: { kind: 'uniform', dims: wide, origin: [-1, -1, 0], spacing: [1, 1, 1] },
        ghost: [1, 1, 1, 0, 0, 0],
        data: odd,
        components: 3,
        component: 1,
      }),
    );
    expect(Buffer.from(result.payload)).toEqual(Buffer.from(inner.payload));
    expect(result.metrics).toEqual(inner.metrics);
  });

  it('keeps NaN and infinities out of training and statistics', async () => {
    const values = waveAt(points);
    values[3] = Number.NaN;
    values[4] = Number.POSITIVE_INFINITY;
    const { metrics } = await codec.encode(request({ data: bytesOf(values) }));
    expect(metrics.nonFinite).toBe(2);
    expect(metrics.values).toBe(values.length);
    expect(metrics.psnr).toBeGreaterThan(20);
  });

  it('of a constant field is exact', async () => {
    const values = new Float32Array(DIMS[0] * DIMS[1] * DIMS[2]).fill(0.1);
    const result = await codec.encode(request({ data: bytesOf(values) }));
    expect(result).toMatchObject({ gaussians: 0, metrics: { psnr: Infinity, maxError: 0 } });
    expect((await codec.decode(result.payload, { mesh: uniform, association: 'node' })).values).toEqual(
      values,
    );
  });
});

describe('decode', () => {
  it('gives the same values on the mesh, at its points and on its grid', async () => {
    const { payload } = await codec.encode(request());
    const onMesh = await codec.decode(payload, { mesh: uniform, association: 'node' });
    const atPoints = await codec.decode(payload, { points });
    const onGrid = await codec.decode(payload, {
      grid: { dims: DIMS, origin: [0, 0, 0], spacing: [1, 1, 1] },
    });
    expect(atPoints.values).toEqual(onMesh.values);
    expect(onGrid.values).toEqual(onMesh.values);
  });

  it('knows what lies outside the domain', async () => {
    const { payload } = await codec.encode(request({ iterations: 20 }));
    const { inside } = await codec.decode(payload, { points: Float64Array.of(14, 10, 6, 500, 500, 500) });
    expect([...inside]).toEqual([1, 0]);
  });

  it('describes a payload without decoding it', async () => {
    const { payload, gaussians, metrics } = await codec.encode(request());
    const info = codec.describe(payload);
    expect(info).toMatchObject({ version: 1, gaussians, valueMin: metrics.valueMin, lo: [0, 0, 0] });
    expect(info.hi).toEqual(DIMS.map((n) => n - 1));
    expect(info.valueMin + info.valueRange).toBeCloseTo(metrics.valueMax, 6);
  });

  it('holds changes alone where it may, and is whole again with what they were made to', async () => {
    const first = await codec.encode(request({ iterations: 30 }));
    expect(first).toMatchObject({ refers: false, whole: first.payload });
    const next = waveAt(points.map((x, i) => x + (i % 3 === 0 ? 0.3 : 0)));
    const change = request({ data: bytesOf(next), previous: first.payload, iterations: 36 });
    const alone = await codec.encode(change);
    const second = await codec.encode({ ...change, mayRefer: true });
    expect(alone.refers).toBe(false);
    expect(second).toMatchObject({ refers: true, start: 'warm' });
    expect(second.payload.byteLength).toBeLessThanOrEqual(1500);
    expect(second.whole.byteLength).toBeGreaterThan(1500);
    expect(second.metrics.psnr).toBeGreaterThan(alone.metrics.psnr + 0.5);

    const whole = await codec.resolve(second.payload, first.payload);
    expect(whole).toEqual(second.whole);
    const { values } = await codec.decode(whole, { mesh: uniform, association: 'node' });
    expect(codec.crc32(bytesOf(values))).toBe(second.metrics.crc);

    await expect(codec.decode(second.payload, { mesh: uniform, association: 'node' })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('the model of the step before') as string,
    });
    await expect(codec.resolve(second.payload, alone.payload)).rejects.toMatchObject({
      code: 'CORRUPT_STREAM',
    });
    expect(await codec.resolve(alone.payload, first.payload)).toEqual(alone.payload);
  });

  it('opens a payload that is not there whole yet, coarser', async () => {
    const { payload, gaussians } = await codec.encode(request({}));
    expect(await codec.coarser(payload)).toEqual(payload);
    const field = waveAt(points);
    const error = async (model: Uint8Array) => {
      const { values } = await codec.decode(model, { mesh: uniform, association: 'node' });
      return field.reduce((sum, x, i) => sum + (x - values[i]!) ** 2, 0) / field.length;
    };
    const errors = [];
    let before = 0;
    for (const part of [0.3, 0.6, 1]) {
      const model = await codec.coarser(payload.subarray(0, part * payload.length));
      const { gaussians: some } = codec.describe(model);
      expect(some).toBeGreaterThan(before);
      before = some;
      errors.push(await error(model));
    }
    expect(before).toBe(gaussians);
    expect(errors[1]).toBeLessThan(0.8 * errors[0]!);
    expect(errors[2]).toBeLessThan(0.2 * errors[1]!);
    expect(codec.describe(await codec.coarser(payload, 0.5)).gaussians).toBe(Math.ceil(gaussians / 2));
    await expect(codec.coarser(payload.subarray(0, 20))).rejects.toMatchObject({ code: 'CORRUPT_STREAM' });
    for (const part of [0, 2, Number.NaN]) {
      await expect(codec.coarser(payload, part)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    }
  });

  it('agrees bit for bit with the Python reader written from docs/format.md', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'gaussitu-'));
    try {
      const mesh: Mesh = { kind: 'uniform', dims: DIMS, origin: [1, -2, 3], spacing: [0.5, 1, 1.25] };
      const { payload: before } = await codec.encode(request({ mesh }));
      const { payload: changes, refers } = await codec.encode(
        request({
          mesh,
          previous: before,
          mayRefer: true,
          target: { bytes: 1900 },
          data: bytesOf(waveAt(points.map((x, i) => 1.01 * x + (i % 3) / 9))),
        }),
      );
      expect(refers).toBe(true);
      const payload = await codec.resolve(changes, before);
      writeFileSync(join(folder, 'model'), before);
      writeFileSync(join(folder, 'changes'), changes);
      const out = join(folder, 'out.npy');
      execFileSync('/usr/bin/env', [
        'python3',
        'examples/python/read_model.py',
        '--payload',
        join(folder, 'model'),
        '--payload',
        join(folder, 'changes'),
        '--grid',
        '20x16x9',
        '-o',
        out,
      ]);
      const npy = readFileSync(out);
      const theirs = new Float64Array(Uint8Array.from(npy.subarray(10 + npy.readUInt16LE(8))).buffer);
      const { lo, hi } = codec.describe(payload);
      const dims: Triple = [20, 16, 9];
      const step = (k: 0 | 1 | 2) => (hi[k] - lo[k]) / (dims[k] - 1);
      const ours = await codec.decode(
        payload,
        { grid: { dims, origin: lo, spacing: [step(0), step(1), step(2)] } },
        'f64',
      );
      let checked = 0;
      let worst = 0;
      theirs.forEach((x, i) => {
        expect(Number.isNaN(x)).toBe(ours.inside[i] === 0);
        if (Number.isNaN(x)) return;
        worst = Math.max(worst, Math.abs(x - (ours.values[i] ?? NaN)));
        checked++;
      });
      expect(checked).toBeGreaterThan(2000);
      expect(worst).toBeLessThan(2e-6);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

const dns = dataCase('dns_decay');
const read = (step: number) => readF32(join(dns ?? '', `u_00${step}.f32`));
describe.skipIf(!dns)('real data: dns_decay u', () => {
  const mesh: Mesh = { kind: 'uniform', dims: [128, 128, 64], origin: [0, 0, 0], spacing: [1, 1, 1] };
  const field = { mesh, association: 'node', dtype: 'f32' } as const;
  let previous: Uint8Array | undefined;
  afterAll(() => (previous = undefined));

  it('meets 137:1 from a cold start', async () => {
    const result = await codec.encode({ ...field, data: read(2), target: { bytes: 30500 }, iterations: 30 });
    expect(result.payload.byteLength).toBeLessThanOrEqual(30500);
    expect(result.payload.byteLength).toBeGreaterThan(0.985 * 30500);
    expect(result.metrics.psnr).toBeGreaterThan(41);
    previous = result.payload;
  });

  it('goes on warm with a few iterations', async () => {
    const result = await codec.encode({ ...field, data: read(3), target: { bytes: 30500 }, previous });
    expect(result.start).toBe('warm');
    expect(result.iterations).toBeLessThan(40);
    expect(result.metrics.psnr).toBeGreaterThan(41);
  });
});

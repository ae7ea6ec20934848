import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createCodec } from '../../src/codec/index.js';
import { loadAddon } from '../../src/codec/native.js';
import type { Mesh } from '../../src/protocol/mesh.js';
import { request, uniform } from './helpers.js';

const codec = createCodec();
const bad = (change: Record<string, unknown>) => ({ ...request(), ...change });

describe('bad arguments name what was expected and what came', () => {
  it.each([
    ['target', { target: {} }, 'target: expected exactly one of bytes, psnr, gaussians, received {}'],
    ['two targets', { target: { bytes: 1, psnr: 2 } }, 'exactly one of bytes, psnr, gaussians'],
    ['negative target', { target: { bytes: -1 } }, 'a whole number above 0, at most 4294967296'],
    ['string target', { target: { psnr: '40' } }, 'received 40 of type string'],
    ['dtype', { dtype: 'i32' }, "expected 'f32' or 'f64', received i32 of type string (integer fields"],
    ['data', { data: [1, 2, 3] }, 'data: expected a Uint8Array'],
    ['shared memory', { data: new Uint8Array(new SharedArrayBuffer(8)) }, 'not over shared memory'],
    ['half a value', { data: new Uint8Array(7) }, 'whole number of values of 1 f32'],
    ['component', { components: 3, component: 3 }, 'component: expected a whole number from 0 to 2'],
    ['kind', { mesh: { kind: 'octree' } }, 'received octree of type string'],
    ['dims', { mesh: { ...uniform, dims: [1, 2] } }, 'mesh.dims: expected 3 whole numbers, received [1, 2]'],
    ['spacing', { mesh: { ...uniform, spacing: [1, 1, NaN] } }, 'mesh.spacing: expected 3 finite numbers'],
    ['association', { association: 'face' }, "expected 'node' or 'cell'"],
    ['ghost', { ghost: [1, 1] }, 'ghost: expected 6 whole numbers'],
    ['iterations', { iterations: 0 }, 'iterations: expected a whole number from 1'],
    ['seconds', { seconds: Infinity }, 'seconds: expected a finite number above 0'],
    ['optimiser', { optimiser: 'sgd' }, "expected 'lm' or 'adam'"],
    ['signal', { signal: {} }, 'an AbortSignal'],
    ['length', { data: new Uint8Array(400) }, 'expected 6720 values'],
  ])('%s', async (_, change, message) => {
    const error: unknown = await codec.encode(bad(change)).catch((e: unknown) => e);
    expect(error).toMatchObject({ name: 'GaussituError', code: 'INVALID_ARGUMENT' });
    expect((error as Error).message).toContain(message);
  });

  it.each([
    ['indices out of range', { connectivity: Int32Array.of(0, 1, 2, 9) }],
    ['negative indices', { connectivity: Int32Array.of(0, 1, 2, -1) }],
    ['offsets beyond the end', { offsets: Int32Array.of(0, 400) }],
    ['too few offsets', { offsets: Int32Array.of(0) }],
    ['mixed index types', { offsets: BigInt64Array.of(0n, 4n) }],
    ['points that are no triples', { points: new Float32Array(11) }],
    ['points that are not finite', { points: new Float32Array(12).fill(NaN) }],
  ])('unstructured meshes with %s', async (_, change) => {
    const mesh: Mesh = {
      kind: 'unstructured',
      points: Float32Array.of(0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1),
      connectivity: Int32Array.of(0, 1, 2, 3),
      offsets: Int32Array.of(0, 4),
      types: Uint8Array.of(10),
      ...change,
    };
    const data = new Uint8Array(new Float32Array([1, 2, 3, 4]).buffer);
    await expect(
      codec.encode(request({ mesh, data: data.subarray(4, 8), association: 'cell' })),
    ).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  it('the thread count', () => {
    expect(() => codec.setThreads(0)).toThrow('threads: expected a whole number from 1 to 1024, received 0');
    expect(() => codec.setThreads(1.5)).toThrow('threads');
  });
});

describe('payloads that are not what they should be', () => {
  it('truncated, changed, foreign, newer', async () => {
    const { payload } = await codec.encode(request());
    const at = { mesh: uniform, association: 'node' } as const;
    for (const n of [0, 1, 6, 7, 20, 100, payload.length - 1]) {
      await expect(codec.decode(payload.slice(0, n), at)).rejects.toMatchObject({ code: 'CORRUPT_STREAM' });
      expect(() => codec.describe(payload.slice(0, n))).toThrow(
        expect.objectContaining({ code: 'CORRUPT_STREAM' }),
      );
    }
    const changed = payload.slice();
    changed[500] = (changed[500] ?? 0) ^ 1;
    await expect(codec.decode(changed, at)).rejects.toThrow('checksum');
    await expect(codec.encode(request({ previous: changed }))).rejects.toMatchObject({
      code: 'CORRUPT_STREAM',
    });
    await expect(codec.decode(new Uint8Array(100), at)).rejects.toThrow('Not a Gaussitu payload');
    const newer = payload.slice();
    newer[2] = 2;
    await expect(codec.decode(newer, at)).rejects.toMatchObject({ code: 'UNSUPPORTED' });
    await expect(codec.decode('payload' as unknown as Uint8Array, at)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
  });

  it('a previous payload of another mesh is no warm start, and no error', async () => {
    const { payload } = await codec.encode(request());
    const mesh: Mesh = { kind: 'uniform', dims: [28, 20, 12], origin: [5, 0, 0], spacing: [1, 1, 1] };
    const result = await codec.encode(request({ mesh, previous: payload }));
    expect(result.start).toBe('cold');
  });
});

describe('a missing or foreign addon', () => {
  it('says how to build it', () => {
    const before = process.env['GAUSSITU_ADDON'];
    const folder = mkdtempSync(join(tmpdir(), 'gaussitu-'));
    try {
      process.env['GAUSSITU_ADDON'] = '/nowhere/gaussitu.node';
      expect(() => loadAddon()).toThrow(/no such file.*make native/);
      const foreign = join(folder, 'foreign.node');
      writeFileSync(foreign, 'not a library');
      process.env['GAUSSITU_ADDON'] = foreign;
      expect(() => loadAddon()).toThrow(expect.objectContaining({ code: 'UNSUPPORTED' }));
    } finally {
      rmSync(folder, { recursive: true });
      if (before === undefined) delete process.env['GAUSSITU_ADDON'];
      else process.env['GAUSSITU_ADDON'] = before;
    }
  });
});

import { describe, expect, test } from 'vitest';
import { createCodec, type BoundedReferences, type FieldState } from '../../src/codec/index.js';
import type { Mesh } from '../../src/protocol/mesh.js';

const codec = createCodec();
const dims = [24, 18, 10] as const;
const mesh: Mesh = { kind: 'uniform', dims, origin: [0, 0, 0], spacing: [1, 1, 1] };
const place = { mesh, association: 'node' } as const;
const count = dims[0] * dims[1] * dims[2];

function wave(phase: number): Float64Array {
  return Float64Array.from({ length: count }, (_, i) => Math.sin((i % 24) / 4 + phase) + Math.cos(i / 300));
}

function bytes(values: Float32Array | Float64Array): Uint8Array {
  return new Uint8Array(values.buffer);
}

async function decode(payload: Uint8Array, references?: BoundedReferences) {
  return codec.decodeBounded(payload, place, 'f64', references);
}

/** A wavy block of hexahedra, `shift` along. */
function hexahedra(n: number, shift: number): Mesh {
  const m = n + 1;
  const points = Float64Array.from({ length: 3 * m ** 3 }, (_, i) => {
    const node = Math.floor(i / 3);
    const at = [node % m, Math.floor(node / m) % m, Math.floor(node / m ** 2)];
    return at[i % 3]! + 0.2 * Math.sin(node * 12.9898 + i) + shift;
  });
  const corners = [0, 1, m + 1, m, m * m, m * m + 1, m * m + m + 1, m * m + m];
  const connectivity = Int32Array.from({ length: 8 * n ** 3 }, (_, i) => {
    const cell = Math.floor(i / 8);
    return (cell % n) + m * (Math.floor(cell / n) % n) + m * m * Math.floor(cell / n ** 2) + corners[i % 8]!;
  });
  const offsets = Int32Array.from({ length: n ** 3 + 1 }, (_, i) => 8 * i);
  return { kind: 'unstructured', points, connectivity, offsets, types: new Uint8Array(n ** 3).fill(12) };
}

function cellValues(n: number, phase: number): Float32Array {
  return Float32Array.from({ length: n ** 3 }, (_, i) => Math.sin((i % n) / 2 + phase) + Math.cos(i / n / n));
}

describe('error-bounded codec', () => {
  test('keeps every f64 value within the bound and certifies what a decode gives', async () => {
    const values = wave(0);
    const { payload, metrics, bound } = await codec.encodeBounded({
      ...place,
      dtype: 'f64',
      data: bytes(values),
      target: { rel: 1e-9 },
    });
    const decoded = await decode(payload);
    const largest = Math.max(...values.map((x, i) => Math.abs(x - (decoded.values[i] as number))));
    expect(largest).toBeLessThanOrEqual(bound);
    expect(largest).toBe(metrics.maxError);
    expect(bound).toBeCloseTo(1e-9 * (Math.max(...values) - Math.min(...values)), 20);
    expect(metrics.crc).toBe(codec.crc32(bytes(decoded.values as Float64Array)));
    expect(payload.length).toBeLessThan(values.byteLength / 2);
  });

  test('decodes a stream from states that are handed on', async () => {
    let [written, read]: FieldState[][] = [[], []];
    for (let step = 0; step < 4; step++) {
      const { payload, state, usesEarlier } = await codec.encodeBounded({
        ...place,
        dtype: 'f64',
        data: bytes(wave(step / 50)),
        target: { abs: 1e-3 },
        earlier: written,
      });
      expect(usesEarlier).toBe(step > 0);
      expect(state.bytes).toBeGreaterThan(8 * count);
      const decoded = await decode(payload, { earlier: read });
      written = [state, ...written!].slice(0, 2);
      read = [decoded.state, ...read!].slice(0, 2);
    }
  });

  test('refers to earlier steps when an unstructured mesh has moved, not when it has other cells', async () => {
    const request = { association: 'cell', dtype: 'f32', target: { abs: 1e-4 } } as const;
    const first = await codec.encodeBounded({
      ...request,
      mesh: hexahedra(12, 0),
      data: bytes(cellValues(12, 0)),
    });
    const moved = { ...request, mesh: hexahedra(12, 0.3) };
    const now = cellValues(12, 0.01);
    const alone = await codec.encodeBounded({ ...moved, data: bytes(now) });
    const stream = await codec.encodeBounded({ ...moved, data: bytes(now), earlier: [first.state] });
    expect(stream.payload.length).toBeLessThan(0.8 * alone.payload.length);
    const { values: decoded } = await codec.decodeBounded(
      stream.payload,
      { mesh: hexahedra(12, 0.3), association: 'cell' },
      'f32',
      { earlier: [first.state] },
    );
    expect(Math.max(...now.map((x, i) => Math.abs(x - Number(decoded[i]))))).toBeLessThanOrEqual(1e-4);
    const refined = { ...request, mesh: hexahedra(13, 0), data: bytes(cellValues(13, 0)) };
    await expect(codec.encodeBounded({ ...refined, earlier: [first.state] })).rejects.toThrow(
      /references of 2197/,
    );
  });

  test('refuses connectivity that names nodes there are not', async () => {
    const bad = hexahedra(3, 0) as Extract<Mesh, { kind: 'unstructured' }>;
    bad.connectivity[5] = 64;
    const data = bytes(new Float32Array(64));
    await expect(
      codec.encodeBounded({ mesh: bad, association: 'node', dtype: 'f32', data, target: { abs: 1e-3 } }),
    ).rejects.toThrow(/\[0, 64\)/);
  });

  test('stores exactly where the bound is 0, ghosts left out', async () => {
    const values = wave(0);
    const ghost = [1, 1, 0, 2, 3, 0] as const;
    const { payload, bound } = await codec.encodeBounded({
      ...place,
      ghost,
      dtype: 'f64',
      data: bytes(values),
      target: { abs: 0 },
    });
    const decoded = await codec.decodeBounded(payload, { ...place, ghost }, 'f64');
    expect(bound).toBe(0);
    expect(decoded.values.length).toBe(22 * 16 * 7);
    expect(decoded.values[0]).toBe(values[1 + 24 * (0 + 18 * 3)]);
  });

  test('keeps every value within a share of its own size, zeros and signs exactly', async () => {
    const values = wave(0).map((x, i) => (i % 31 === 0 ? 0 : Math.sign(x) * 10 ** (3 * x)));
    const request = { ...place, dtype: 'f64', data: bytes(values), target: { pwRel: 1e-2 } } as const;
    const { payload, metrics, bound, state } = await codec.encodeBounded(request);
    const { values: decoded } = await decode(payload);
    const errors = [...values].map((x, i) =>
      x === decoded[i] ? 0 : Math.abs(x - decoded[i]!) / Math.abs(x),
    );
    expect(Math.max(...errors)).toBeLessThanOrEqual(1e-2);
    expect(Math.max(...errors)).toBe(metrics.maxRelativeError);
    expect(metrics.maxRelativeError).toBeGreaterThan(9e-3);
    expect(bound).toBe(1e-2);
    expect(payload.length).toBeLessThan(values.byteLength / 6);
    const again = await codec.encodeBounded({ ...request, earlier: [state] });
    expect(again.payload.length).toBeLessThan(payload.length / 2);
  });

  test('refuses what makes no sense, and says what it expected', async () => {
    const data = bytes(wave(0));
    const request = { ...place, dtype: 'f64', data, target: { abs: 1e-3 } } as const;
    await expect(codec.encodeBounded({ ...request, target: { rel: -1 } })).rejects.toThrow(/at least 0/);
    for (const target of [{ pwRel: 0 }, { pwRel: 1 }, {}, { abs: 1, rel: 1 }]) {
      await expect(codec.encodeBounded({ ...request, target: target as { abs: number } })).rejects.toThrow(
        /pwRel/,
      );
    }
    await expect(codec.encodeBounded({ ...request, data: data.subarray(8) })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
    const foreign = [{ bytes: 3 } as FieldState];
    await expect(codec.encodeBounded({ ...request, earlier: foreign })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
    const { payload, state } = await codec.encodeBounded(request);
    await expect(decode(payload, { earlier: [state] })).rejects.toMatchObject({ code: 'CORRUPT_STREAM' });
    await expect(codec.decodeBounded(payload, place, 'f32')).rejects.toMatchObject({
      code: 'CORRUPT_STREAM',
    });
    await expect(codec.decodeBounded(payload, { values: count }, 'f64')).rejects.toThrow(/grid/);
    await expect(decode(payload.subarray(0, 30))).rejects.toMatchObject({ code: 'CORRUPT_STREAM' });
    const controller = new AbortController();
    controller.abort();
    await expect(codec.encodeBounded({ ...request, signal: controller.signal })).rejects.toMatchObject({
      code: 'CANCELLED',
    });
  });
});

describe('bounds that are searched for', () => {
  test('bytes are met from below, PSNR from above, and the bound holds', async () => {
    const values = Float32Array.from(wave(0), (x, i) => x + 0.01 * Math.sin(12.9898 * i));
    const request = { ...place, dtype: 'f32', data: bytes(values) } as const;
    const size = await codec.encodeBounded({ ...request, target: { bytes: 1500 } });
    expect(size.payload.length).toBeLessThanOrEqual(1500);
    expect(size.payload.length).toBeGreaterThan(0.97 * 1500);
    expect(size.metrics.maxError).toBeLessThanOrEqual(size.bound);
    const quality = await codec.encodeBounded({ ...request, target: { psnr: 60 }, guess: size.bound });
    expect(quality.metrics.psnr).toBeGreaterThanOrEqual(60);
    expect(quality.metrics.psnr).toBeLessThan(60.5);
    expect(quality.metrics.maxError).toBeLessThanOrEqual(quality.bound);
  });

  test('a decoded model is a reference like any other', async () => {
    const data = bytes(Float32Array.from(wave(0)));
    const model = await codec.encode({ ...place, dtype: 'f32', data, target: { bytes: 800 } });
    const { values } = await codec.decode(model.payload, place);
    const request = {
      ...place,
      dtype: 'f32',
      data: bytes(Float32Array.from(wave(0.02))),
      target: { rel: 1e-2 },
    } as const;
    const earlier = [codec.stateOf(values)];
    const alone = await codec.encodeBounded(request);
    const after = await codec.encodeBounded({ ...request, earlier });
    expect(after.payload.length).toBeLessThan(alone.payload.length);
    const decoded = await codec.decodeBounded(after.payload, place, 'f32', {
      earlier: [codec.stateOf(values)],
    });
    expect(codec.crc32(bytes(decoded.values as Float32Array))).toBe(after.metrics.crc);
  });

  test('refuses what is not a target', async () => {
    for (const target of [{ bytes: 0 }, { bytes: 1.5 }, { psnr: -1 }, { rel: 1, abs: 1 }, {}]) {
      await expect(
        codec.encodeBounded({
          ...place,
          dtype: 'f64',
          data: bytes(wave(0)),
          target: target as { abs: number },
        }),
      ).rejects.toThrow(/target/);
    }
    expect(() => codec.stateOf([1, 2] as unknown as Float32Array)).toThrow(/values/);
  });
});

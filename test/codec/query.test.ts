import { beforeAll, describe, expect, it } from 'vitest';
import { createCodec } from '../../src/codec/index.js';
import type { Mesh, Triple } from '../../src/protocol/mesh.js';
import { DIMS, gridPoints, request, uniform } from './helpers.js';

const codec = createCodec();
let payload: Uint8Array;
beforeAll(async () => {
  ({ payload } = await codec.encode(request({ iterations: 20 })));
});

const at = { mesh: uniform, association: 'node' } as const;

describe('an open model', () => {
  it('answers as its payload does, often and at once', async () => {
    const model = await codec.open(payload);
    expect(model.bytes).toBeGreaterThan(1000);
    const whole = await codec.decode(payload, at);
    const answers = await Promise.all(Array.from({ length: 8 }, () => codec.decode(model, at)));
    for (const answer of answers) expect(answer).toEqual(whole);
    const one = await codec.decode(model, { points: Float32Array.of(1, 2, 3) });
    expect(one.values[0]).toBe(whole.values[(3 * DIMS[1] + 2) * DIMS[0] + 1]);
  });

  it('is refused where it is none', async () => {
    await expect(codec.open(payload.slice(0, 20))).rejects.toMatchObject({ code: 'CORRUPT_STREAM' });
    await expect(codec.open('x' as never)).rejects.toThrow(/Uint8Array/);
    await expect(codec.decode({ bytes: 3 }, at)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(codec.decode(codec.stateOf(Float32Array.of(1)), at)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
  });
});

describe('gradients', () => {
  it('are slopes in world units: central differences of the values', async () => {
    // The same model on a mesh of other spacing: slopes per world unit.
    const mesh: Mesh = { kind: 'uniform', dims: DIMS, origin: [4, -2, 1], spacing: [0.5, 2, 0.25] };
    const moved = await codec.encode(request({ mesh, iterations: 20 }));
    const model = await codec.open(moved.payload);
    const here: Triple = [4 + 0.5 * 9.3, -2 + 2 * 5.6, 1 + 0.25 * 4.2];
    const { gradient } = await codec.decode(model, { points: Float64Array.from(here) }, 'f64', {
      gradient: true,
    });
    expect(gradient).toBeInstanceOf(Float64Array);
    for (const axis of [0, 1, 2] as const) {
      const h = 0.02 * mesh.spacing[axis];
      const points = Float64Array.from([...here, ...here]);
      points[axis] = here[axis] - h;
      points[3 + axis] = here[axis] + h;
      const { values } = await codec.decode(model, { points }, 'f64');
      const slope = ((values[1] ?? 0) - (values[0] ?? 0)) / (2 * h);
      expect(Math.abs((gradient?.[axis] ?? NaN) - slope)).toBeLessThan(2e-3 * (1 + Math.abs(slope)));
    }
  });

  it('come for every place, in the type of the values, where asked for', async () => {
    const { values, gradient } = await codec.decode(payload, at, 'f32', { gradient: true });
    expect(gradient).toBeInstanceOf(Float32Array);
    expect(gradient?.length).toBe(3 * values.length);
    expect((await codec.decode(payload, at)).gradient).toBeUndefined();
    expect(
      (await codec.decode(payload, { points: gridPoints(DIMS) }, 'f32', { gradient: true })).gradient,
    ).toEqual(gradient);
  });
});

describe('a box of indices', () => {
  it('has the values that the whole has there', async () => {
    const whole = await codec.decode(payload, at);
    const first: Triple = [3, 0, 4];
    const last: Triple = [10, DIMS[1], 6];
    const { values } = await codec.decode(payload, { ...at, box: { first, last } });
    const expected: number[] = [];
    for (let k = first[2]; k < last[2]; k++)
      for (let j = first[1]; j < last[1]; j++)
        for (let i = first[0]; i < last[0]; i++)
          expected.push(whole.values[(k * DIMS[1] + j) * DIMS[0] + i] ?? NaN);
    expect([...values]).toEqual(expected);
  });

  it('must lie within its grid, and there must be one', async () => {
    const box = { first: [0, 0, 0], last: [DIMS[0] + 1, 1, 1] } as { first: Triple; last: Triple };
    await expect(codec.decode(payload, { ...at, box })).rejects.toThrow(/within 0 to/);
    const points: Mesh = { kind: 'points', points: gridPoints(DIMS) };
    const some = { mesh: points, association: 'node', box: { first: [0, 0, 0], last: [1, 1, 1] } } as const;
    await expect(codec.decode(payload, { ...some, box })).rejects.toThrow(/a grid/);
    const bad = { first: [0, 0, -1], last: [1, 1, 1] } as never;
    await expect(codec.decode(payload, { ...at, box: bad })).rejects.toThrow(/box.first/);
  });
});

import { describe, expect, it } from 'vitest';
import { NearestSample, samplePositions } from '../../src/render/scatter.js';

/** A small deterministic generator: seeded positions, the same on every run. */
function random(seed: number): () => number {
  return () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed / 2 ** 32;
  };
}

describe('nearest sample', () => {
  it.each([
    ['a cloud', 1, 1, 1],
    ['a boundary layer', 10, 1, 1e-3],
    ['a plane', 1, 1, 0],
    ['a line', 1, 0, 0],
    ['one place', 0, 0, 0],
  ])('agrees with the exhaustive search in %s', (_, sx, sy, sz) => {
    const next = random(7);
    const n = 500;
    const positions = Float64Array.from({ length: 3 * n }, (_, i) => next() ** 3 * [sx, sy, sz][i % 3]!);
    const nearest = new NearestSample(positions);
    for (let query = 0; query < 200; query++) {
      const p = [sx, sy, sz].map((s) => (next() * 1.4 - 0.2) * (s || 1)) as [number, number, number];
      const distance = (i: number) => p.reduce((sum, c, a) => sum + (positions[3 * i + a]! - c) ** 2, 0);
      let best = 0;
      for (let i = 1; i < n; i++) if (distance(i) < distance(best)) best = i;
      expect(distance(nearest.find(...p))).toBe(distance(best));
    }
  });
});

describe('sample positions', () => {
  it('places cell values at the mean of the distinct nodes', () => {
    const mesh = {
      kind: 'unstructured' as const,
      points: Float32Array.from([0, 0, 0, 4, 0, 0, 0, 4, 0, 0, 0, 4, 8, 8, 8]),
      connectivity: Int32Array.from([0, 1, 2, 3, 1, 4, 4]),
      offsets: Int32Array.from([0, 4, 7]),
      types: Uint8Array.from([10, 5]),
    };
    expect([...samplePositions(mesh, 'cell')]).toEqual([1, 1, 1, 6, 4, 4]);
    expect(samplePositions(mesh, 'node')).toHaveLength(15);
  });

  it('places cell values of grids at the cells’ middles', () => {
    const mesh = {
      kind: 'rectilinear' as const,
      dims: [3, 2, 1] as const,
      x: Float64Array.from([0, 1, 4]),
      y: Float64Array.from([0, 2]),
      z: Float64Array.from([5]),
    };
    expect([...samplePositions(mesh, 'cell')]).toEqual([0.5, 1, 5, 2.5, 1, 5]);
  });
});

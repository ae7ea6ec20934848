import { describe, expect, it } from 'vitest';
import type { GhostLayers, Triple, UniformGrid } from '../../src/protocol/mesh.js';
import { extractComponent, interior } from '../../src/protocol/extent.js';
import { assemble, thin, type BlockValues } from '../../src/render/lattice.js';

const spacing: Triple = [0.5, 1, 2];

/** A block of a field that is a different number at every global index; `start` is the first node, ghosts included. */
function block(start: Triple, dims: Triple, ghost: GhostLayers, association: 'node' | 'cell'): BlockValues {
  const origin = start.map((s, a) => s * spacing[a]!) as unknown as Triple;
  const mesh: UniformGrid = { kind: 'uniform', dims, origin, spacing };
  const [nx, ny, nz] = dims.map((n) => (association === 'cell' ? Math.max(n - 1, 1) : n)) as [
    number,
    number,
    number,
  ];
  const values = Float32Array.from({ length: nx * ny * nz }, (_, at) => {
    const [i, j, k] = [at % nx, Math.floor(at / nx) % ny, Math.floor(at / (nx * ny))];
    return start[0] + i + 100 * (start[1] + j) + 10_000 * (start[2] + k);
  });
  const own = extractComponent(
    new Uint8Array(values.buffer),
    interior({ mesh, ghost }, association),
    4,
    1,
    0,
  );
  return { mesh, ghost, association, values: new Float32Array(own.buffer) };
}

describe('assemble', () => {
  it.each(['node', 'cell'] as const)(
    'puts %s blocks with ghosts back into the global grid',
    (association) => {
      // Split along z with one ghost layer each way at the cut; blocks in any order.
      const cut = association === 'node' ? 3 : 4;
      const low = block([0, 0, 0], [4, 3, cut + 1], [0, 0, 0, 0, 0, 1], association);
      const high = block([0, 0, 2], [4, 3, 4], [0, 0, 0, 0, 1, 0], association);
      const whole = block([0, 0, 0], [4, 3, 6], [0, 0, 0, 0, 0, 0], association);
      const grid = assemble([high, low])!;
      expect([...grid.values]).toEqual([...whole.values]);
      expect(grid.origin).toEqual(association === 'node' ? [0, 0, 0] : [0.25, 0.5, 1]);
    },
  );

  it('leaves places without a block empty', () => {
    const grid = assemble([
      block([0, 0, 0], [2, 2, 1], [0, 0, 0, 0, 0, 0], 'node'),
      block([4, 0, 0], [2, 2, 1], [0, 0, 0, 0, 0, 0], 'node'),
    ])!;
    expect(grid.dims).toEqual([6, 2, 1]);
    expect([...grid.values.subarray(0, 6)]).toEqual([0, 1, Number.NaN, Number.NaN, 4, 5]);
  });

  it('does not force blocks of different lattices together', () => {
    const whole = block([0, 0, 0], [2, 2, 2], [0, 0, 0, 0, 0, 0], 'node');
    const shifted = { ...whole, mesh: { ...(whole.mesh as UniformGrid), origin: [0.2, 0, 0] as Triple } };
    const finer = { ...whole, mesh: { ...(whole.mesh as UniformGrid), spacing: [0.25, 1, 2] as Triple } };
    expect(assemble([whole, shifted])).toBeUndefined();
    expect(assemble([whole, finer])).toBeUndefined();
    expect(assemble([{ ...whole, mesh: { kind: 'points', points: new Float32Array(24) } }])).toBeUndefined();
  });

  it('thins to whole strides', () => {
    const grid = thin(assemble([block([0, 0, 0], [7, 3, 2], [0, 0, 0, 0, 0, 0], 'node')])!, 3);
    expect(grid.dims).toEqual([3, 3, 2]);
    expect([...grid.values.subarray(0, 6)]).toEqual([0, 3, 6, 100, 103, 106]);
    expect(grid.spacing).toEqual([1.5, 1, 2]);
  });
});

import { describe, expect, it } from 'vitest';
import { extractComponent, interior } from '../../src/protocol/extent.js';
import type { GhostLayers, MeshBlock, Triple, UniformGrid } from '../../src/protocol/mesh.js';

import { thin, toGrid, type BlockValues } from '../../src/render/lattice.js';

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
  const values = Float64Array.from({ length: nx * ny * nz }, (_, at) => {
    const [i, j, k] = [at % nx, Math.floor(at / nx) % ny, Math.floor(at / (nx * ny))];
    return start[0] + i + 100 * (start[1] + j) + 10_000 * (start[2] + k);
  });
  const box: MeshBlock = { name: 'grid', block: 0, mesh, ghost };
  const own = extractComponent(new Uint8Array(values.buffer), interior(box, association), 8, 1, 0);
  return { mesh: box, association, values: new Float64Array(own.buffer) };
}

describe('blocks to grid', () => {
  it.each(['node', 'cell'] as const)(
    'puts %s blocks with ghosts back into the global grid',
    (association) => {
      // Split along z with one ghost layer each way at the cut; blocks in any order.
      const cut = association === 'node' ? 3 : 4;
      const low = block([0, 0, 0], [4, 3, cut + 1], [0, 0, 0, 0, 0, 1], association);
      const high = block([0, 0, 2], [4, 3, 4], [0, 0, 0, 0, 1, 0], association);
      const whole = block([0, 0, 0], [4, 3, 6], [0, 0, 0, 0, 0, 0], association);
      const grid = toGrid([high, low])!;
      expect([...grid.values]).toEqual([...whole.values]);
      expect(grid.origin).toEqual(association === 'node' ? [0, 0, 0] : [0.25, 0.5, 1]);
    },
  );

  it('leaves places without a block empty', () => {
    const grid = toGrid([
      block([0, 0, 0], [2, 2, 1], [0, 0, 0, 0, 0, 0], 'node'),
      block([4, 0, 0], [2, 2, 1], [0, 0, 0, 0, 0, 0], 'node'),
    ])!;
    expect(grid.dims).toEqual([6, 2, 1]);
    expect([...grid.values.subarray(0, 6)]).toEqual([0, 1, Number.NaN, Number.NaN, 4, 5]);
  });

  it('does not force blocks of different lattices together', () => {
    const whole = block([0, 0, 0], [2, 2, 2], [0, 0, 0, 0, 0, 0], 'node');
    const finer: BlockValues = {
      ...whole,
      mesh: { ...whole.mesh, mesh: { ...(whole.mesh.mesh as UniformGrid), spacing: [0.25, 1, 2] } },
    };
    expect(toGrid([whole, finer])).toBeUndefined();
    const points: MeshBlock = { name: 'p', block: 0, mesh: { kind: 'points', points: new Float32Array(24) } };
    expect(toGrid([{ ...whole, mesh: points }])).toBeUndefined();
  });

  it('thins to whole strides', () => {
    const grid = thin(toGrid([block([0, 0, 0], [7, 3, 2], [0, 0, 0, 0, 0, 0], 'node')])!, 3);
    expect(grid.dims).toEqual([3, 3, 2]);
    expect([...grid.values.subarray(0, 6)]).toEqual([0, 3, 6, 100, 103, 106]);
    expect(grid.spacing).toEqual([1.5, 1, 2]);
  });
});

import { assemble } from '../export/assemble.js';
import { bytesOf } from '../export/entry.js';
import { toFloat64 } from '../export/numbers.js';
import type { Association } from '../protocol/field.js';
import type { MeshBlock, Triple } from '../protocol/mesh.js';
import type { Grid } from './grid.js';

/** The values of one block and where they sit. */
export interface BlockValues {
  mesh: MeshBlock;
  association: Association;
  /** Without ghost layers. */
  values: Float64Array;
}

/** The blocks of a decomposed uniform grid put together, NaN where none is; undefined for any other mesh. */
export function toGrid(blocks: readonly BlockValues[]): Grid | undefined {
  const first = blocks[0];
  if (!first || blocks.some(({ mesh }) => mesh.mesh.kind !== 'uniform')) return undefined;
  const parts = blocks.map(({ mesh, values }) => ({ mesh, data: bytesOf(values) }));
  const { data, lattice } = assemble(parts, first.association, 'f64');
  return lattice && { ...lattice, values: toFloat64(data, 'f64') };
}
/** Every n-th node, so that no axis has more than `most` nodes: enough for a picture of the whole. */
export function thin(grid: Grid, most: number): Grid {
  const every = grid.dims.map((n) => Math.ceil(n / most));
  if (every.every((n) => n === 1)) return grid;
  const dims = grid.dims.map((n, a) => Math.floor((n - 1) / every[a]!) + 1) as unknown as Triple;
  const values = new Float64Array(dims[0] * dims[1] * dims[2]);
  let out = 0;
  for (let k = 0; k < dims[2]; k++) {
    for (let j = 0; j < dims[1]; j++) {
      const row = grid.dims[0] * (j * every[1]! + grid.dims[1] * k * every[2]!);
      for (let i = 0; i < dims[0]; i++) values[out++] = grid.values[row + i * every[0]!]!;
    }
  }
  const spacing = grid.spacing.map((h, a) => h * every[a]!) as unknown as Triple;
  return { dims, origin: grid.origin, spacing, values };
}

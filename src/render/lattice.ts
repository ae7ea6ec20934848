import type { Association } from '../protocol/field.js';
import { interior } from '../protocol/extent.js';
import type { GhostLayers, Mesh, Triple } from '../protocol/mesh.js';
import type { Grid } from './grid.js';

/** The values of one block and where they sit. */
export interface BlockValues {
  mesh: Mesh;
  ghost?: GhostLayers;
  association: Association;
  /** Without ghost layers. */
  values: Float32Array | Float64Array;
}

/** The lattice of a block's samples: dims, origin and spacing without ghosts; undefined when it is not uniform. */
export function latticeOf({
  mesh,
  ghost,
  association,
}: Omit<BlockValues, 'values'>): Omit<Grid, 'values'> | undefined {
  if (mesh.kind !== 'uniform') return undefined;
  const { dims, offset } = interior({ mesh, ghost }, association);
  const origin = mesh.origin.map(
    (o, a) => o + mesh.spacing[a]! * (offset[a]! + (association === 'cell' && mesh.dims[a]! > 1 ? 0.5 : 0)),
  );
  return { dims, origin: origin as unknown as Triple, spacing: mesh.spacing };
}

/**
 * Puts the blocks of a decomposed grid together; NaN where no block is. Undefined when they do not lie on one lattice:
 * not all uniform, different spacings, or origins that are not whole spacings apart.
 */
export function assemble(blocks: BlockValues[]): Grid | undefined {
  const parts = blocks.map((block) => ({ lattice: latticeOf(block), values: block.values }));
  const first = parts[0]?.lattice;
  if (!first) return undefined;
  const lo = [...first.origin];
  for (const { lattice } of parts) {
    if (!lattice) return undefined;
    for (let a = 0; a < 3; a++) {
      if (Math.abs(lattice.spacing[a]! / first.spacing[a]! - 1) > 1e-6) return undefined;
      lo[a] = Math.min(lo[a]!, lattice.origin[a]!);
    }
  }
  const placed = parts.map(({ lattice, values }) => {
    const start = lattice!.origin.map((o, a) => (o - lo[a]!) / first.spacing[a]!);
    return { start, dims: lattice!.dims, values };
  });
  if (placed.some(({ start }) => start.some((s) => Math.abs(s - Math.round(s)) > 1e-3))) return undefined;
  const dims = [0, 1, 2].map((a) => Math.max(...placed.map((p) => Math.round(p.start[a]!) + p.dims[a]!)));
  const values = new Float64Array(dims[0]! * dims[1]! * dims[2]!).fill(Number.NaN);
  for (const block of placed) {
    const [i0, j0, k0] = block.start.map(Math.round) as [number, number, number];
    const [nx, ny, nz] = block.dims;
    for (let k = 0; k < nz; k++) {
      for (let j = 0; j < ny; j++) {
        const row = nx * (j + ny * k);
        values.set(block.values.subarray(row, row + nx), i0 + dims[0]! * (j0 + j + dims[1]! * (k0 + k)));
      }
    }
  }
  return {
    dims: dims as unknown as Triple,
    origin: lo as unknown as Triple,
    spacing: first.spacing,
    values,
  };
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

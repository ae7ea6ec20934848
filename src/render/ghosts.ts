import type { Association } from '../protocol/field.js';
import type { GhostLayers, Mesh } from '../protocol/mesh.js';

/** Drops the ghost layers of a grid's array of `components` interleaved numbers per node or cell. */
export function withoutGhosts<T extends Float32Array | Float64Array>(
  values: T,
  mesh: Mesh,
  association: Association,
  ghost: GhostLayers | undefined,
  components = 1,
): T {
  if (!ghost || ghost.every((layers) => layers === 0)) return values;
  if (mesh.kind === 'unstructured' || mesh.kind === 'points') return values;
  const dims = mesh.dims.map((n) => (association === 'cell' ? Math.max(n - 1, 1) : n));
  const lo = [0, 1, 2].map((a) => ghost[2 * a]!);
  const hi = [0, 1, 2].map((a) => dims[a]! - ghost[2 * a + 1]!);
  const rows: number[] = [];
  for (let k = lo[2]!; k < hi[2]!; k++)
    for (let j = lo[1]!; j < hi[1]!; j++) rows.push(dims[0]! * (j + dims[1]! * k));
  const length = (hi[0]! - lo[0]!) * components;
  const out = values.slice(0, rows.length * length) as T;
  for (const [r, row] of rows.entries()) {
    const from = (row + lo[0]!) * components;
    out.set(values.subarray(from, from + length), r * length);
  }
  return out;
}

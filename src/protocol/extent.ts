import type { Association } from './field.js';
import type { GhostLayers, Mesh, MeshBlock, Triple } from './mesh.js';

const NO_GHOST: GhostLayers = [0, 0, 0, 0, 0, 0];

/** Values per axis of a field on a grid; undefined for unstructured meshes and points. */
export function gridDims(mesh: Mesh, association: Association): Triple | undefined {
  if (mesh.kind === 'unstructured' || mesh.kind === 'points') return undefined;
  if (association === 'node') return mesh.dims;
  return [cells(mesh.dims[0]), cells(mesh.dims[1]), cells(mesh.dims[2])];
}

/** An axis with one node is flat: its cells are one thick. An axis without nodes has no cells. */
function cells(nodes: number): number {
  return nodes > 1 ? nodes - 1 : nodes;
}

/** Values (per component) of a field on a mesh, ghost layers included. */
export function valueCount(mesh: Mesh, association: Association): number {
  const dims = gridDims(mesh, association);
  if (dims) return dims[0] * dims[1] * dims[2];
  if (association === 'cell') return mesh.kind === 'unstructured' ? mesh.types.length : 0;
  return (mesh as { points: ArrayLike<number> }).points.length / 3;
}

/** What is stored of an array with ghost layers: a box of rows. Meshes without a grid are one row. */
export interface Interior {
  /** Values with ghosts, per axis. */
  full: Triple;
  /** First value that is kept, and number of kept values, per axis. */
  offset: Triple;
  dims: Triple;
  /** Kept values. */
  count: number;
}

export function interior(block: Pick<MeshBlock, 'mesh' | 'ghost'>, association: Association): Interior {
  const full = gridDims(block.mesh, association) ?? [valueCount(block.mesh, association), 1, 1];
  const ghost = gridDims(block.mesh, association) ? (block.ghost ?? NO_GHOST) : NO_GHOST;
  const kept = (axis: 0 | 1 | 2): number =>
    Math.max(0, full[axis] - (ghost[2 * axis] ?? 0) - (ghost[2 * axis + 1] ?? 0));
  const dims: Triple = [kept(0), kept(1), kept(2)];
  return { full, offset: [ghost[0], ghost[2], ghost[4]], dims, count: dims[0] * dims[1] * dims[2] };
}

/** Byte offsets and lengths of the kept rows, in order. `valueBytes` is the size of one value, all components. */
export function* interiorRows(box: Interior, valueBytes: number): Generator<{ start: number; end: number }> {
  const [nx, ny, nz] = box.dims;
  if (box.count === 0) return;
  for (let z = 0; z < nz; z++) {
    for (let y = 0; y < ny; y++) {
      const row = ((z + box.offset[2]) * box.full[1] + (y + box.offset[1])) * box.full[0] + box.offset[0];
      yield { start: row * valueBytes, end: (row + nx) * valueBytes };
    }
  }
}

/**
 * One component of an interleaved array, without ghost layers: raw bytes, tightly packed.
 * `data` may be at any alignment; the result is a copy.
 */
export function extractComponent(
  data: Uint8Array,
  box: Interior,
  scalarBytes: number,
  components: number,
  component: number,
): Uint8Array {
  const out = new Uint8Array(box.count * scalarBytes);
  let at = 0;
  for (const { start, end } of interiorRows(box, scalarBytes * components)) {
    if (components === 1) {
      out.set(data.subarray(start, end), at);
      at += end - start;
      continue;
    }
    for (let p = start + component * scalarBytes; p < end; p += components * scalarBytes) {
      for (let b = 0; b < scalarBytes; b++) out[at++] = data[p + b] ?? 0;
    }
  }
  return out;
}

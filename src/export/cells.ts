import { interior } from '../protocol/extent.js';
import type { MeshBlock, Triple } from '../protocol/mesh.js';

/** A mesh as VTK's unstructured grids have it. */
export interface Cells {
  /** [n, 3] */
  points: Float32Array | Float64Array;
  connectivity: Int32Array | BigInt64Array;
  offsets: Int32Array | BigInt64Array;
  types: Uint8Array;
}

const VERTEX = 1;
/** VTK types and corner order of a grid's cells in 0 to 3 dimensions. */
const GRID_CELLS = [
  { type: VERTEX, corners: [[0, 0, 0]] },
  {
    type: 3,
    corners: [
      [0, 0, 0],
      [1, 0, 0],
    ],
  },
  {
    type: 9,
    corners: [
      [0, 0, 0],
      [1, 0, 0],
      [1, 1, 0],
      [0, 1, 0],
    ],
  },
  {
    type: 12,
    corners: [
      [0, 0, 0],
      [1, 0, 0],
      [1, 1, 0],
      [0, 1, 0],
      [0, 0, 1],
      [1, 0, 1],
      [1, 1, 1],
      [0, 1, 1],
    ],
  },
] as const;

/** Any mesh block as cells, ghost layers left out. */
export function meshToCells(block: MeshBlock): Cells {
  const { mesh } = block;
  if (mesh.kind === 'unstructured') return mesh;
  if (mesh.kind === 'points') return verticesOf(mesh.points);
  const box = interior(block, 'node');
  return { points: gridPoints(block, box.offset, box.dims), ...gridCells(box.dims) };
}

export function verticesOf(points: Float32Array | Float64Array): Cells {
  const n = points.length / 3;
  return {
    points,
    connectivity: Int32Array.from({ length: n }, (_, i) => i),
    offsets: Int32Array.from({ length: n + 1 }, (_, i) => i),
    types: new Uint8Array(n).fill(VERTEX),
  };
}

function gridPoints({ mesh }: MeshBlock, offset: Triple, dims: Triple): Float32Array | Float64Array {
  if (mesh.kind === 'unstructured' || mesh.kind === 'points') return mesh.points;
  const at = (i: number, j: number, k: number): readonly [number, number, number] => {
    if (mesh.kind === 'uniform') {
      const { origin: o, spacing: h } = mesh;
      return [o[0] + i * h[0], o[1] + j * h[1], o[2] + k * h[2]];
    }
    if (mesh.kind === 'rectilinear') return [mesh.x[i] ?? 0, mesh.y[j] ?? 0, mesh.z[k] ?? 0];
    const n = 3 * (i + mesh.dims[0] * (j + mesh.dims[1] * k));
    return [mesh.points[n] ?? 0, mesh.points[n + 1] ?? 0, mesh.points[n + 2] ?? 0];
  };
  const single = mesh.kind === 'curvilinear' && mesh.points instanceof Float32Array;
  const points = new (single ? Float32Array : Float64Array)(3 * dims[0] * dims[1] * dims[2]);
  let out = 0;
  for (let k = 0; k < dims[2]; k++) {
    for (let j = 0; j < dims[1]; j++) {
      for (let i = 0; i < dims[0]; i++) {
        points.set(at(i + offset[0], j + offset[1], k + offset[2]), out);
        out += 3;
      }
    }
  }
  return points;
}

/** Lines, quads or hexahedra between the nodes of a grid, in the order of its cell values. */
function gridCells(dims: Triple): Omit<Cells, 'points'> {
  const strides = [1, dims[0], dims[0] * dims[1]];
  const axes = [0, 1, 2].filter((a) => (dims[a] ?? 1) > 1);
  const { type, corners } = GRID_CELLS[axes.length as 0 | 1 | 2 | 3];
  const steps = corners.map((corner) =>
    axes.reduce((sum, axis, i) => sum + (corner[i] ?? 0) * (strides[axis] ?? 0), 0),
  );
  const cells = dims.map((n) => Math.max(n - 1, 1));
  const [cx = 1, cy = 1, cz = 1] = cells;
  const count = cx * cy * cz;
  const connectivity = new Int32Array(count * steps.length);
  let out = 0;
  for (let k = 0; k < cz; k++) {
    for (let j = 0; j < cy; j++) {
      for (let i = 0; i < cx; i++) {
        const node = i + dims[0] * (j + dims[1] * k);
        for (const step of steps) connectivity[out++] = node + step;
      }
    }
  }
  return {
    connectivity,
    offsets: Int32Array.from({ length: count + 1 }, (_, c) => c * steps.length),
    types: new Uint8Array(count).fill(type),
  };
}

import type { IndexBox } from '../codec/types.js';
import { interior } from '../protocol/extent.js';
import type { Association } from '../protocol/field.js';
import type { Coordinates, Mesh, MeshBlock, Triple } from '../protocol/mesh.js';
import type { Box } from './box.js';

/** The values of a uniform or rectilinear block within a box: a range along each axis, perhaps empty. */
export function rangeWithin(
  block: MeshBlock,
  association: Association,
  box: Box,
): { first: number[]; last: number[] } {
  const { dims, offset } = interior(block, association);
  const ranges = [0, 1, 2].map((a) => {
    const inside = Array.from({ length: dims[a] ?? 0 }, (_, i) => i).filter((i) => {
      const x = coordinate(block.mesh, association, a, i + (offset[a] ?? 0));
      return x >= (box.lo[a] ?? 0) && x <= (box.hi[a] ?? 0);
    });
    return inside.length > 0 ? [inside[0]!, inside.at(-1)! + 1] : [0, 0];
  });
  return { first: ranges.map((r) => r[0]!), last: ranges.map((r) => r[1]!) };
}

/** World coordinate along an axis of a uniform or rectilinear grid's value, ghost layers counted. */
function coordinate(mesh: Mesh, association: Association, axis: number, i: number): number {
  if (mesh.kind !== 'uniform' && mesh.kind !== 'rectilinear') return Number.NaN;
  const centre = association === 'cell' && (mesh.dims[axis] ?? 1) > 1;
  if (mesh.kind === 'uniform') {
    return (mesh.origin[axis] ?? 0) + (mesh.spacing[axis] ?? 1) * (i + (centre ? 0.5 : 0));
  }
  const along = [mesh.x, mesh.y, mesh.z][axis]!;
  return centre ? 0.5 * (along[i]! + along[i + 1]!) : along[i]!;
}

/** The values of any block within a box, by the places that the codec gives them: nodes, or the mean of a cell's nodes. */
export function selectWithin(
  block: MeshBlock,
  association: Association,
  box: Box,
): { indices: number[]; points: Float64Array } {
  const indices: number[] = [];
  const points: number[] = [];
  eachPlace(block, association, (at, i) => {
    if (at.some((x, a) => !(x >= (box.lo[a] ?? 0) && x <= (box.hi[a] ?? 0)))) return;
    indices.push(i);
    points.push(...at);
  });
  return { indices, points: Float64Array.from(points) };
}

function eachPlace(
  block: MeshBlock,
  association: Association,
  visit: (at: [number, number, number], i: number) => void,
): void {
  const { mesh } = block;
  if (mesh.kind === 'unstructured' && association === 'cell') {
    for (let c = 0; c < mesh.types.length; c++) {
      const cell = mesh.connectivity.slice(Number(mesh.offsets[c]), Number(mesh.offsets[c + 1]));
      visit(
        mean(
          mesh.points,
          [...new Set(Array.from(cell, Number))].toSorted((a, b) => a - b),
        ),
        c,
      );
    }
  } else if (mesh.kind === 'curvilinear') {
    const { dims, offset } = interior(block, association);
    const more = mesh.dims.map((n) => (association === 'cell' && n > 1 ? 1 : 0));
    let n = 0;
    for (let k = 0; k < dims[2]; k++)
      for (let j = 0; j < dims[1]; j++)
        for (let i = 0; i < dims[0]; i++) {
          const nodes: number[] = [];
          for (let c = k + offset[2]; c <= k + offset[2] + more[2]!; c++)
            for (let b = j + offset[1]; b <= j + offset[1] + more[1]!; b++)
              for (let a = i + offset[0]; a <= i + offset[0] + more[0]!; a++)
                nodes.push((c * mesh.dims[1] + b) * mesh.dims[0] + a);
          visit(mean(mesh.points, nodes), n++);
        }
  } else if ('points' in mesh) {
    for (let i = 0; i < mesh.points.length / 3; i++) visit(mean(mesh.points, [i]), i);
  }
}

function mean(points: Coordinates, nodes: number[]): [number, number, number] {
  const along = (axis: number) => nodes.reduce((sum, n) => sum + points[3 * n + axis]!, 0) / nodes.length;
  return [along(0), along(1), along(2)];
}

/** The mesh of a range of a grid block's values, without ghost layers; `start` in a whole grid of `dims` values. */
export function cutMesh(
  block: MeshBlock,
  association: Association,
  { first, last }: IndexBox,
  start: Triple,
  dims: Triple,
): MeshBlock {
  const { mesh } = block;
  const { offset } = interior(block, association);
  // Cells have one node more along each axis that is not flat.
  const more = ('dims' in mesh ? mesh.dims : [1, 1, 1]).map((n) => (association === 'cell' && n > 1 ? 1 : 0));
  const low = first.map((f, a) => f + (offset[a] ?? 0)) as unknown as Triple;
  const nodes = first.map((f, a) => (last[a] ?? 0) - f + (more[a] ?? 0)) as unknown as Triple;
  const global = dims.map((n, a) => n + (more[a] ?? 0)) as unknown as Triple;
  const { name, level } = block;
  return {
    name,
    block: block.block,
    mesh: cutGrid(mesh, low, nodes),
    start,
    global,
    ...(level !== undefined && { level }),
  };
}

function cutGrid(mesh: Mesh, low: Triple, dims: Triple): Mesh {
  const part = (along: Coordinates, axis: 0 | 1 | 2) => along.slice(low[axis], low[axis] + dims[axis]);
  switch (mesh.kind) {
    case 'uniform': {
      const origin = mesh.origin.map(
        (o, a) => o + (mesh.spacing[a] ?? 1) * (low[a] ?? 0),
      ) as unknown as Triple;
      return { ...mesh, dims, origin };
    }
    case 'rectilinear':
      return { ...mesh, dims, x: part(mesh.x, 0), y: part(mesh.y, 1), z: part(mesh.z, 2) };
    case 'curvilinear': {
      const points = new Float64Array(3 * dims[0] * dims[1] * dims[2]);
      let at = 0;
      for (let k = 0; k < dims[2]; k++)
        for (let j = 0; j < dims[1]; j++) {
          const row = ((k + low[2]) * mesh.dims[1] + j + low[1]) * mesh.dims[0] + low[0];
          points.set(mesh.points.subarray(3 * row, 3 * (row + dims[0])), at);
          at += 3 * dims[0];
        }
      return { ...mesh, dims, points };
    }
    default:
      return mesh;
  }
}

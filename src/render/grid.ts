import { GaussituError } from '../errors.js';
import type { Triple } from '../protocol/mesh.js';

/** Values at the nodes of a regular grid, x fastest; NaN where a node is outside the domain. */
export interface Grid {
  dims: Triple;
  /** World position of node (0, 0, 0). */
  origin: Triple;
  spacing: Triple;
  /** [nx * ny * nz] field units */
  values: Float32Array | Float64Array;
}

/** A plane of a grid, normal to `axis`; `u` and `v` are the remaining axes in order. */
export interface Slice {
  axis: 0 | 1 | 2;
  /** World position of the plane along `axis`. */
  at: number;
  u: SliceAxis;
  v: SliceAxis;
  /** [v.count, u.count], u fastest */
  values: Float64Array;
}
export interface SliceAxis {
  name: string;
  count: number;
  /** World position of the first node, and distance to the next. */
  origin: number;
  spacing: number;
}

export const AXES = ['x', 'y', 'z'] as const;

/** Where to cut: along which axis, and at a node index, a percentage of the extent, or (`@`) a world coordinate. */
export interface SliceRequest {
  axis: 0 | 1 | 2;
  value: number;
  unit: 'index' | 'percent' | 'world';
}

/** Reads `z=32` (node index), `z=50%` (of the extent) or `z=@1.5` (world coordinate). Throws INVALID_ARGUMENT. */
export function parseSlice(text: string): SliceRequest {
  const match = /^([xyz])=(@?)(-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)(%?)$/i.exec(text);
  const value = Number(match?.[3]);
  const unit = match?.[2] ? 'world' : match?.[4] ? 'percent' : 'index';
  if (!match || (match[2] && match[4]) || (unit === 'index' && !(Number.isInteger(value) && value >= 0))) {
    throw new GaussituError('INVALID_ARGUMENT', '--slice', {
      expected: 'an axis and a place: z=32 (node), z=50% (of the extent) or z=@1.5 (coordinate)',
      received: text,
    });
  }
  return { axis: AXES.indexOf(match[1]!.toLowerCase() as 'x') as 0, value, unit };
}

/** The middle of the shortest axis: the largest picture. */
export function defaultSlice(grid: Grid): SliceRequest {
  const extent = grid.dims.map((n, a) => (n - 1) * grid.spacing[a]!);
  const axis = extent.lastIndexOf(Math.min(...extent)) as 0 | 1 | 2;
  return { axis, value: 50, unit: 'percent' };
}

/** Cuts a grid along the node plane nearest to the request. Throws INVALID_ARGUMENT outside the grid. */
export function sliceGrid(grid: Grid, request: SliceRequest): Slice {
  const { axis } = request;
  const count = grid.dims[axis];
  const raw =
    request.unit === 'index'
      ? request.value
      : request.unit === 'percent'
        ? (request.value / 100) * (count - 1)
        : (request.value - grid.origin[axis]) / grid.spacing[axis];
  const index = Math.round(raw);
  if (index < 0 || index >= count) {
    const end = grid.origin[axis] + (count - 1) * grid.spacing[axis];
    throw new GaussituError('INVALID_ARGUMENT', '--slice', {
      expected: `${AXES[axis]} in nodes 0..${count - 1} or coordinates ${grid.origin[axis]}..${end}`,
      received: `${request.value} (${request.unit})`,
    });
  }
  const [a, b] = ([0, 1, 2] as const).filter((other) => other !== axis) as [0 | 1 | 2, 0 | 1 | 2];
  const stride = [1, grid.dims[0], grid.dims[0] * grid.dims[1]] as const;
  const u = axisOf(grid, a);
  const v = axisOf(grid, b);
  const values = new Float64Array(u.count * v.count);
  for (let j = 0; j < v.count; j++) {
    for (let i = 0; i < u.count; i++) {
      values[j * u.count + i] = grid.values[index * stride[axis] + i * stride[a] + j * stride[b]]!;
    }
  }
  return { axis, at: grid.origin[axis] + index * grid.spacing[axis], u, v, values };
}

function axisOf(grid: Grid, axis: 0 | 1 | 2): SliceAxis {
  return {
    name: AXES[axis],
    count: grid.dims[axis],
    origin: grid.origin[axis],
    spacing: grid.spacing[axis],
  };
}

/** Smallest and largest finite value; [0, 0] when there is none. */
export function finiteRange(...arrays: ArrayLike<number>[]): [number, number] {
  let lo = Infinity;
  let hi = -Infinity;
  for (const values of arrays) {
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!;
      if (!Number.isFinite(value)) continue;
      if (value < lo) lo = value;
      if (value > hi) hi = value;
    }
  }
  return lo <= hi ? [lo, hi] : [0, 0];
}

import type { Triple } from '../protocol/mesh.js';
import { interior, interiorRows } from '../protocol/extent.js';
import type { BlockValues } from './lattice.js';
import { defaultSlice, type Grid, type SliceRequest } from './grid.js';
import { NearestSample, samplePositions } from './scatter.js';

/** Nodes of a grid that stands in for a mesh in a volume view, and in a slice. */
const VOLUME_NODES = 1e6;
const SLICE_NODES = 1.6e5;

export interface Box {
  lo: Triple;
  hi: Triple;
}

type Lattice = Omit<Grid, 'values'>;

/** A lattice of about `nodes` nodes with equal spacing along all axes over a box; flat axes have one node. */
export function latticeOver({ lo, hi }: Box, nodes: number): Lattice {
  const extent = lo.map((l, a) => hi[a]! - l);
  const long = extent.filter((e) => e > 0);
  const spacing =
    (long.reduce((product, e) => product * e, 1) / nodes) ** (1 / Math.max(long.length, 1)) || 1;
  const dims = extent.map((e) => Math.max(1, Math.round(e / spacing) + 1));
  return {
    dims: dims as unknown as Triple,
    origin: lo,
    spacing: extent.map((e, a) => (dims[a]! > 1 ? e / (dims[a]! - 1) : 1)) as unknown as Triple,
  };
}

export function volumeLattice(box: Box): Lattice {
  return latticeOver(box, VOLUME_NODES);
}

/** A one-node-thick lattice on the plane that a request names; `index` counts nodes of the volume's lattice. */
export function sliceLattice(box: Box, request?: SliceRequest): { lattice: Lattice; axis: 0 | 1 | 2 } {
  const volume = volumeLattice(box);
  const { axis, value, unit } = request ?? defaultSlice({ ...volume, values: new Float32Array(0) });
  const extent = box.hi[axis] - box.lo[axis];
  const at =
    unit === 'world'
      ? value
      : unit === 'percent'
        ? box.lo[axis] + (value / 100) * extent
        : box.lo[axis] + value * volume.spacing[axis];
  const flat = (corner: Triple) => corner.map((c, a) => (a === axis ? at : c)) as unknown as Triple;
  return { lattice: latticeOver({ lo: flat(box.lo), hi: flat(box.hi) }, SLICE_NODES), axis };
}

/** Values of the nearest samples at the nodes of a lattice; NaN where `inside` (when given) is NaN. */
export function nearestValues(blocks: BlockValues[], lattice: Lattice, inside?: Grid): Grid {
  const positions = concat(blocks.map(ownPositions));
  const samples = concat(blocks.map((block) => block.values));
  const nearest = new NearestSample(positions);
  const [nx, ny, nz] = lattice.dims;
  const values = new Float64Array(nx * ny * nz);
  for (let at = 0; at < values.length; at++) {
    if (inside && !Number.isFinite(inside.values[at])) {
      values[at] = Number.NaN;
      continue;
    }
    const [i, j, k] = [at % nx, Math.floor(at / nx) % ny, Math.floor(at / (nx * ny))];
    const [x, y, z] = [i, j, k].map((n, a) => lattice.origin[a]! + n * lattice.spacing[a]!) as [
      number,
      number,
      number,
    ];
    values[at] = samples[nearest.find(x, y, z)]!;
  }
  return { ...lattice, values };
}

/** Positions [n, 3] of a block's samples without its ghosts. */
function ownPositions(block: BlockValues): Float64Array {
  const all = samplePositions(block.mesh.mesh, block.association);
  const box = interior(block.mesh, block.association);
  return concat([...interiorRows(box, 3)].map(({ start, end }) => all.subarray(start, end)));
}

function concat(parts: Float64Array[]): Float64Array {
  const out = new Float64Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

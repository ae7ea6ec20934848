import type { Codec } from '../codec/types.js';
import type { FieldEntry } from '../archive/types.js';
import { GaussituError } from '../errors.js';
import { modelOfEntry } from '../export/entry.js';
import { defaultSlice, sliceGrid, type Grid, type Slice, type SliceRequest } from './grid.js';
import { thin, toGrid, type BlockValues } from './lattice.js';
import { nearestValues, sliceLattice, volumeLattice, type Box } from './resample.js';

/** Longest axis of a volume that is marched through. */
const VOLUME_AXIS = 192;

/** One stored block of a field; without a mesh in the run it has no samples, only points to ask the model at. */
export interface DecodedBlock {
  entry: FieldEntry;
  own?: BlockValues;
}

export interface SliceViews {
  decoded: Slice;
  original?: Slice;
  error?: Slice;
}

export type { BlockValues };

/** The pictures' data of one field at one step. */
export interface View {
  slices(request?: SliceRequest): Promise<SliceViews>;
  volume(): Promise<Grid>;
}

/**
 * Blocks of one uniform lattice are shown node by node. Any other mesh is shown through the model, evaluated on a regular
 * grid and transparent outside its domain; the original and the error are then those of the nearest sample.
 * @param originals values at the same samples, block by block in the order of `blocks`, where known
 */
export function createView(codec: Codec, blocks: DecodedBlock[], originals?: BlockValues[]): View {
  const decoded = blocks.flatMap(({ own }) => own ?? []);
  const grid = decoded.length === blocks.length ? toGrid(decoded) : undefined;
  if (grid) return latticeView(grid, originals && toGrid(originals));
  return modelView(codec, blocks, decoded, originals);
}

function latticeView(decoded: Grid, original: Grid | undefined): View {
  return {
    async slices(request = defaultSlice(decoded)) {
      const slice = sliceGrid(decoded, request);
      if (!original) return { decoded: slice };
      const truth = sliceGrid(original, request);
      return {
        decoded: slice,
        original: truth,
        error: { ...slice, values: slice.values.map((value, i) => value - truth.values[i]!) },
      };
    },
    async volume() {
      return thin(decoded, VOLUME_AXIS);
    },
  };
}

function modelView(
  codec: Codec,
  blocks: DecodedBlock[],
  decoded: BlockValues[],
  originals: BlockValues[] | undefined,
): View {
  const models = blocks.flatMap(({ entry }) => modelOfEntry(codec, entry) ?? []);
  if (models.length === 0) {
    throw new GaussituError('UNSUPPORTED', 'render', {
      expected: 'a field on a uniform grid or one that is stored as a Gaussian model',
      received: `${blocks[0]?.entry.kind ?? 'no'} data on a mesh that is not a uniform grid`,
    });
  }
  const box = union(models.map((model) => codec.describe(model)));
  const evaluate = async (lattice: Omit<Grid, 'values'>): Promise<Grid> => {
    const [nx, ny, nz] = lattice.dims;
    const values = new Float64Array(nx * ny * nz).fill(Number.NaN);
    for (const model of models) {
      const part = await codec.decode(model, { grid: lattice }, 'f64');
      for (let i = 0; i < values.length; i++) if (part.inside[i]) values[i] = part.values[i]!;
    }
    return { ...lattice, values };
  };
  const middle: SliceRequest = { axis: 0, value: 0, unit: 'index' };
  return {
    async slices(request) {
      const { lattice, axis } = sliceLattice(box, request);
      const grid = await evaluate(lattice);
      const cut = (of: Grid) => sliceGrid(of, { ...middle, axis });
      if (!originals) return { decoded: cut(grid) };
      const errors = decoded.map((block, b) => ({
        ...block,
        values: block.values.map((value, i) => value - originals[b]!.values[i]!),
      }));
      return {
        decoded: cut(grid),
        original: cut(nearestValues(originals, lattice, grid)),
        ...(errors.length > 0 && { error: cut(nearestValues(errors, lattice, grid)) }),
      };
    },
    volume: () => evaluate(volumeLattice(box)),
  };
}

function union(boxes: Box[]): Box {
  const corner = (pick: 'lo' | 'hi', choose: (...values: number[]) => number) =>
    [0, 1, 2].map((a) => choose(...boxes.map((box) => box[pick][a]!))) as [number, number, number];
  return { lo: corner('lo', Math.min), hi: corner('hi', Math.max) };
}

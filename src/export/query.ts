import type { FieldEntry, StepEntry } from '../archive/types.js';
import type { Codec } from '../codec/types.js';
import { GaussituError } from '../errors.js';
import type { Triple } from '../protocol/mesh.js';
import { entriesOf, type Part } from './decode.js';
import { bytesOf, modelOfEntry } from './entry.js';
import type { ExportField, Lattice } from './types.js';

interface Box {
  entry: FieldEntry;
  model: Uint8Array;
  lo: Triple;
  hi: Triple;
}

/**
 * The model of a field at any world points [n, 3]; NaN outside its domain. A point belongs to the block whose bounding
 * box is nearest. Throws UNSUPPORTED for fields that are not stored as models.
 */
export async function queryPoints(
  codec: Codec,
  step: StepEntry,
  field: string,
  points: Float64Array,
  part: Part = {},
): Promise<ExportField> {
  const boxes = models(codec, step, field, part);
  const values = await evaluate(codec, boxes, points);
  return { ...describe(step, boxes), data: bytesOf(values), shape: [points.length / 3], points };
}

/** The model of a field on a regular grid over its bounding box, ends included. */
export async function queryGrid(
  codec: Codec,
  step: StepEntry,
  field: string,
  dims: Triple,
  part: Part = {},
): Promise<ExportField> {
  const boxes = models(codec, step, field, part);
  const lo = [0, 1, 2].map((a) => Math.min(...boxes.map((b) => b.lo[a] ?? 0)));
  const hi = [0, 1, 2].map((a) => Math.max(...boxes.map((b) => b.hi[a] ?? 0)));
  const spacing = lo.map((l, a) => ((hi[a] ?? 0) - l) / Math.max((dims[a] ?? 1) - 1, 1) || 1);
  const origin = lo.map((l, a) => ((dims[a] ?? 1) === 1 ? (l + (hi[a] ?? 0)) / 2 : l));
  const lattice: Lattice = {
    dims,
    origin: origin as unknown as Triple,
    spacing: spacing as unknown as Triple,
  };
  const values = await evaluate(codec, boxes, latticePoints(lattice));
  return { ...describe(step, boxes), data: bytesOf(values), shape: dims.toReversed(), lattice };
}

function models(codec: Codec, step: StepEntry, field: string, part: Part): Box[] {
  return entriesOf(step, field, part)
    .filter((entry) => entry.kind !== 'empty')
    .map((entry) => {
      const model = modelOfEntry(codec, entry);
      if (!model) {
        throw new GaussituError('UNSUPPORTED', `field ${field}, block ${entry.block}, step ${step.step}`, {
          expected: 'a Gaussian model to evaluate between the samples',
          received: `${entry.kind} values without a model`,
          hint: 'decode it without --points and --grid, or compress it with a larger --model-share',
        });
      }
      const { lo, hi } = codec.describe(model);
      return { entry, model, lo, hi };
    });
}

async function evaluate(codec: Codec, boxes: Box[], points: Float64Array): Promise<Float64Array> {
  const count = points.length / 3;
  const out = new Float64Array(count).fill(Number.NaN);
  const owner = Int32Array.from({ length: count }, (_, i) => nearest(boxes, points, i));
  for (const [b, { model }] of boxes.entries()) {
    const mine = boxes.length === 1 ? undefined : [...owner.keys()].filter((i) => owner[i] === b);
    const own = mine
      ? Float64Array.from(mine.flatMap((i) => [...points.subarray(3 * i, 3 * i + 3)]))
      : points;
    if (own.length === 0) continue;
    const { values, inside } = await codec.decode(model, { points: own }, 'f64');
    for (let k = 0; k < values.length; k++)
      if (inside[k]) out[mine ? (mine[k] ?? 0) : k] = values[k] ?? Number.NaN;
  }
  return out;
}

function nearest(boxes: Box[], points: Float64Array, i: number): number {
  let best = 0;
  let distance = Infinity;
  for (const [b, box] of boxes.entries()) {
    let d = 0;
    for (let a = 0; a < 3; a++) {
      const x = points[3 * i + a] ?? 0;
      d += Math.max((box.lo[a] ?? 0) - x, x - (box.hi[a] ?? 0), 0) ** 2;
    }
    if (d < distance) [best, distance] = [b, d];
    if (d === 0) break;
  }
  return best;
}

function latticePoints({ dims, origin, spacing }: Lattice): Float64Array {
  const points = new Float64Array(3 * dims[0] * dims[1] * dims[2]);
  let at = 0;
  for (let k = 0; k < dims[2]; k++) {
    for (let j = 0; j < dims[1]; j++) {
      for (let i = 0; i < dims[0]; i++) {
        points[at++] = origin[0] + i * spacing[0];
        points[at++] = origin[1] + j * spacing[1];
        points[at++] = origin[2] + k * spacing[2];
      }
    }
  }
  return points;
}

function describe(step: StepEntry, boxes: Box[]): Omit<ExportField, 'data' | 'shape'> {
  const entry = boxes[0]?.entry;
  if (!entry) throw new GaussituError('NOT_FOUND', `step ${step.step}: the field has no values`);
  return {
    name: entry.name,
    step: step.step,
    time: step.time,
    ...(entry.units === undefined ? {} : { units: entry.units }),
    association: 'node',
    dtype: 'f64',
  };
}

import type { FieldEntry, StepEntry } from '../archive/types.js';
import type { Codec, DecodeAt } from '../codec/types.js';
import { GaussituError } from '../errors.js';
import type { Triple } from '../protocol/mesh.js';
import type { Box } from './box.js';
import { entriesOf, type Part } from './decode.js';
import { bytesOf, requireModel } from './entry.js';
import type { ExportField, Lattice } from './types.js';

interface Block {
  entry: FieldEntry;
  model: Uint8Array;
  lo: Triple;
  hi: Triple;
}

export interface QueryOptions extends Part {
  /** Slopes [.., 3] in place of values. */
  gradient?: boolean | undefined;
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
  options: QueryOptions = {},
): Promise<ExportField> {
  const blocks = models(codec, step, field, options);
  const data = await evaluate(codec, blocks, { points }, points.length / 3, options.gradient);
  return {
    ...describe(step, blocks, options.gradient),
    ...shaped(data, [points.length / 3], options),
    points,
  };
}

/** The model of a field on a regular grid over its bounding box or another box, ends included. */
export async function queryGrid(
  codec: Codec,
  step: StepEntry,
  field: string,
  dims: Triple,
  options: QueryOptions & { box?: Box | undefined } = {},
): Promise<ExportField> {
  const blocks = models(codec, step, field, options);
  // An end of the box that was left out is as far as the field goes.
  const within = (which: 'lo' | 'hi', whole: Triple) =>
    whole.map((x, a) => (Number.isFinite(options.box?.[which][a]) ? (options.box?.[which][a] ?? x) : x));
  const lo = within('lo', corner(blocks, 'lo', Math.min));
  const hi = within('hi', corner(blocks, 'hi', Math.max));
  const spacing = lo.map((l, a) => ((hi[a] ?? 0) - l) / Math.max((dims[a] ?? 1) - 1, 1) || 1);
  const origin = lo.map((l, a) => ((dims[a] ?? 1) === 1 ? (l + (hi[a] ?? 0)) / 2 : l));
  const lattice: Lattice = {
    dims,
    origin: origin as unknown as Triple,
    spacing: spacing as unknown as Triple,
  };
  const at = blocks.length === 1 ? { grid: lattice } : { points: latticePoints(lattice) };
  const data = await evaluate(codec, blocks, at, dims[0] * dims[1] * dims[2], options.gradient);
  return {
    ...describe(step, blocks, options.gradient),
    ...shaped(data, dims.toReversed(), options),
    lattice,
  };
}

function models(codec: Codec, step: StepEntry, field: string, part: Part): Block[] {
  return entriesOf(step, field, part)
    .filter((entry) => entry.kind !== 'empty')
    .map((entry) => {
      const model = requireModel(codec, entry, step.step);
      const { lo, hi } = codec.describe(model);
      return { entry, model, lo, hi };
    });
}

/** Values [n] or slopes [n, 3] of `count` places, each of the nearest block. */
async function evaluate(
  codec: Codec,
  blocks: Block[],
  at: Extract<DecodeAt, { grid: unknown }> | { points: Float64Array },
  count: number,
  gradient = false,
): Promise<Float64Array> {
  const ask = async (model: Uint8Array, where: DecodeAt): Promise<Float64Array> => {
    const decoded = await codec.decode(model, where, 'f64', { gradient });
    const values = (gradient ? decoded.gradient : decoded.values) as Float64Array;
    const each = gradient ? 3 : 1;
    decoded.inside.forEach((inside, i) => {
      if (!inside) values.fill(Number.NaN, each * i, each * (i + 1));
    });
    return values;
  };
  const [first] = blocks;
  if (blocks.length === 1 && first) return ask(first.model, at);
  const { points } = at as { points: Float64Array };
  const each = gradient ? 3 : 1;
  const out = new Float64Array(each * count).fill(Number.NaN);
  const owner = new Int32Array(count);
  const sizes = new Int32Array(blocks.length);
  for (let i = 0; i < count; i++) sizes[(owner[i] = nearest(blocks, points, i))]!++;
  for (const [b, { model }] of blocks.entries()) {
    const mine = new Float64Array(3 * sizes[b]!);
    for (let i = 0, n = 0; i < count; i++) {
      if (owner[i] === b) for (let a = 0; a < 3; a++) mine[n++] = points[3 * i + a]!;
    }
    if (mine.length === 0) continue;
    const values = await ask(model, { points: mine });
    for (let i = 0, n = 0; i < count; i++) {
      if (owner[i] === b) for (let a = 0; a < each; a++) out[each * i + a] = values[n++]!;
    }
  }
  return out;
}

function nearest(blocks: Block[], points: Float64Array, i: number): number {
  let best = 0;
  let distance = Infinity;
  for (let b = 0; b < blocks.length; b++) {
    const { lo, hi } = blocks[b]!;
    let d = 0;
    for (let a = 0; a < 3; a++) {
      const x = points[3 * i + a]!;
      d += Math.max(lo[a]! - x, x - hi[a]!, 0) ** 2;
    }
    if (d < distance) [best, distance] = [b, d];
    if (d === 0) break;
  }
  return best;
}

function corner(blocks: Block[], which: 'lo' | 'hi', pick: (...values: number[]) => number): Triple {
  return [0, 1, 2].map((a) => pick(...blocks.map((b) => b[which][a]!))) as unknown as Triple;
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

function shaped(
  values: Float64Array,
  shape: number[],
  { gradient }: QueryOptions,
): Pick<ExportField, 'data' | 'shape'> {
  return { data: bytesOf(values), shape: gradient ? [...shape, 3] : shape };
}

function describe(step: StepEntry, blocks: Block[], gradient = false): Omit<ExportField, 'data' | 'shape'> {
  const entry = blocks[0]?.entry;
  if (!entry) throw new GaussituError('NOT_FOUND', `step ${step.step}: the field has no values`);
  return {
    name: gradient ? `grad_${entry.name}` : entry.name,
    step: step.step,
    time: step.time,
    ...(entry.units === undefined || gradient ? {} : { units: entry.units }),
    association: 'node',
    dtype: 'f64',
    ...(gradient && { components: 3 }),
  };
}

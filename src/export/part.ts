import type { ArchiveReader, FieldEntry, StepEntry } from '../archive/types.js';
import type { Codec, IndexBox } from '../codec/types.js';
import { GaussituError } from '../errors.js';
import { extractComponent, interior } from '../protocol/extent.js';
import { DTYPE_BYTES, type Association, type Dtype } from '../protocol/field.js';
import type { Mesh, MeshBlock, Triple } from '../protocol/mesh.js';
import { assemble, startsOf } from './assemble.js';
import { BlockDecoder } from './block_decoder.js';
import type { Box, Slice } from './box.js';
import { entriesOf, type Part } from './decode.js';
import { bytesOf, requireModel } from './entry.js';
import { cutMesh, rangeWithin, selectWithin } from './cut.js';
import type { DecodedBlock, ExportField } from './types.js';

export interface PartOptions extends Part {
  /** World coordinates, ends included: of grids what lies within, of other meshes the values within and their places. */
  box?: Box | undefined;
  /** Indices of the whole grid's values. */
  slice?: Slice | undefined;
  /** Slopes [.., 3] of the models in place of values, float64; of bounded blocks the model's, without the residual. */
  gradient?: boolean | undefined;
}

interface Wanted {
  entry: FieldEntry;
  mesh: MeshBlock;
  /** Grids: the values that are wanted, of this block. */
  range?: IndexBox;
  /** Where this block's first value is in the whole. */
  start: Triple;
}

/**
 * A part of a field at a step, or its slopes, at the samples of the simulation. Blocks outside the part are not decoded; of
 * a block stored as a Gaussian model only what is wanted is evaluated, any other is decoded whole and cut. Throws
 * NOT_FOUND, CORRUPT_STREAM, UNSUPPORTED.
 */
export async function decodePart(
  archive: ArchiveReader,
  codec: Codec,
  step: StepEntry,
  field: string,
  options: PartOptions,
): Promise<ExportField> {
  const entries = entriesOf(step, field, options);
  const meshes = await Promise.all(entries.map((e) => archive.readMesh(e.mesh, e.block, step.step)));
  const blocks = entries.map((entry, i) => {
    const mesh = meshes[i];
    if (mesh) return { entry, mesh };
    throw new GaussituError('UNSUPPORTED', `field ${field}, block ${entry.block}`, {
      expected: 'the mesh in the run',
      received: 'a run written with --mesh none',
      hint: 'ask for --grid or --points',
    });
  });
  const { association } = entries[0] as FieldEntry;
  const dtype: Dtype = options.gradient ? 'f64' : (entries[0] as FieldEntry).dtype;
  const decoder = new BlockDecoder(archive, codec);
  const numbers = async ({ entry, mesh, range }: Omit<Wanted, 'start'>): Promise<Uint8Array> => {
    const at = {
      mesh: mesh.mesh,
      ...(mesh.ghost && { ghost: mesh.ghost }),
      association: entry.association,
      ...(range && { box: range }),
    };
    if (options.gradient) {
      const model = requireModel(codec, entry, step.step);
      const { gradient } = await codec.decode(model, at, 'f64', { gradient: true });
      return bytesOf(gradient as Float64Array);
    }
    if (entry.kind === 'gaussian') {
      return bytesOf((await codec.decode(entry.payload, at, entry.dtype === 'f64' ? 'f64' : 'f32')).values);
    }
    const whole = await decoder.decode(step.step, entry, mesh);
    return range
      ? cutValues(whole, interior(mesh, entry.association).dims, range, DTYPE_BYTES[dtype])
      : whole;
  };
  const about = {
    name: options.gradient ? `grad_${field}` : field,
    step: step.step,
    time: step.time,
    ...(entries[0]?.units === undefined || options.gradient ? {} : { units: entries[0].units }),
    association,
    dtype,
    ...(options.gradient && { components: 3 }),
  };

  if (
    blocks.some(({ mesh }) => !isGrid(mesh.mesh)) ||
    (options.box && blocks.some(({ mesh }) => isBent(mesh.mesh)))
  ) {
    return { ...about, ...(await select(blocks, numbers, options, about.dtype)) };
  }
  const wanted = locate(blocks, association, options);
  const low = corner(
    wanted.map(({ start, range }) => start.map((s, a) => s + (range?.first[a] ?? 0))),
    Math.min,
  );
  const high = corner(
    wanted.map(({ start, range }) => start.map((s, a) => s + (range?.last[a] ?? 0))),
    Math.max,
  );
  const dims = high.map((h, a) => h - (low[a] ?? 0)) as unknown as Triple;
  const decoded: DecodedBlock[] = [];
  for (const { entry, mesh, range, start } of wanted) {
    const place = start.map((s, a) => s + (range?.first[a] ?? 0) - (low[a] ?? 0)) as unknown as Triple;
    decoded.push({
      mesh: cutMesh(mesh, association, range as IndexBox, place, dims),
      data: await numbers({ entry, mesh, ...(range && { range }) }),
    });
  }
  if (!options.gradient) {
    const { data, shape, lattice } = assemble(decoded, association, dtype);
    return { ...about, data, shape, ...(lattice && { lattice }), blocks: decoded };
  }
  const axes = [0, 1, 2].map((a) =>
    assemble(
      decoded.map(({ mesh, data }) => ({ mesh, data: component(data, a) })),
      association,
      dtype,
    ),
  );
  const [first] = axes;
  const data = interleave(axes.map((a) => a.data));
  const shape = [...(first?.shape ?? []), 3];
  return { ...about, data, shape, ...(first?.lattice && { lattice: first.lattice }), blocks: decoded };
}

/** The blocks of a grid that have something of the part, with the range of their values. */
function locate(
  blocks: { entry: FieldEntry; mesh: MeshBlock }[],
  association: Association,
  { box, slice }: PartOptions,
): Wanted[] {
  const starts = startsOf(
    blocks.map(({ mesh }) => mesh),
    association,
  );
  if (!starts && slice) {
    throw new GaussituError('UNSUPPORTED', '--slice of a field on several meshes', {
      hint: 'ask for a --box',
    });
  }
  const wanted = blocks.flatMap(({ entry, mesh }, i): Wanted[] => {
    const start = starts?.[i] ?? ([0, 0, 0] as const);
    const { dims } = interior(mesh, association);
    let first = [0, 0, 0];
    let last: number[] = [...dims];
    if (slice) {
      first = first.map((f, a) => Math.max(f, (slice.first[a] ?? 0) - (start[a] ?? 0)));
      last = last.map((l, a) => Math.min(l, (slice.last[a] ?? 0) - (start[a] ?? 0)));
    }
    if (box) ({ first, last } = rangeWithin(mesh, association, box));
    if (last.some((l, a) => l <= (first[a] ?? 0))) return [];
    return [{ entry, mesh, start, range: { first, last } as unknown as IndexBox }];
  });
  if (wanted.length > 0) return wanted;
  throw nothing();
}

function nothing(): GaussituError {
  return new GaussituError('NOT_FOUND', 'no value lies in the part that was asked for', {
    hint: 'gaussitu inspect --json shows where the meshes are',
  });
}

/** Values of other meshes one by one: those in the box, with their places, or all as they are. */
async function select(
  blocks: { entry: FieldEntry; mesh: MeshBlock }[],
  numbers: (of: { entry: FieldEntry; mesh: MeshBlock }) => Promise<Uint8Array>,
  { box, slice, gradient }: PartOptions,
  dtype: Dtype,
): Promise<Pick<ExportField, 'data' | 'shape' | 'points' | 'blocks'>> {
  if (slice) {
    throw new GaussituError('UNSUPPORTED', '--slice of a mesh that is no grid', { hint: 'ask for a --box' });
  }
  const size = DTYPE_BYTES[dtype] * (gradient ? 3 : 1);
  const decoded: DecodedBlock[] = [];
  const points: Float64Array[] = [];
  for (const block of blocks) {
    const chosen = box && selectWithin(block.mesh, block.entry.association, box);
    if (chosen?.indices.length === 0) continue;
    const data = await numbers(block);
    if (chosen) points.push(chosen.points);
    decoded.push({ mesh: block.mesh, data: chosen ? pick(data, chosen.indices, size) : data });
  }
  if (decoded.length === 0) throw nothing();
  const data = Buffer.concat(decoded.map((b) => b.data));
  const shape = [data.length / size, ...(gradient ? [3] : [])];
  if (!box) return { data, shape, blocks: decoded };
  const all = new Float64Array(points.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const p of points) {
    all.set(p, at);
    at += p.length;
  }
  return { data, shape, points: all };
}

function isGrid(mesh: Mesh): boolean {
  return mesh.kind !== 'unstructured' && mesh.kind !== 'points';
}

function isBent(mesh: Mesh): boolean {
  return mesh.kind === 'curvilinear';
}

function corner(places: number[][], choose: (...numbers: number[]) => number): Triple {
  return [0, 1, 2].map((a) => choose(...places.map((p) => p[a] ?? 0))) as unknown as Triple;
}

function cutValues(data: Uint8Array, full: Triple, { first, last }: IndexBox, bytes: number): Uint8Array {
  const dims: Triple = [last[0] - first[0], last[1] - first[1], last[2] - first[2]];
  return extractComponent(
    data,
    { full, offset: first, dims, count: dims[0] * dims[1] * dims[2] },
    bytes,
    1,
    0,
  );
}

function pick(data: Uint8Array, indices: number[], size: number): Uint8Array {
  const out = new Uint8Array(indices.length * size);
  indices.forEach((from, to) => out.set(data.subarray(from * size, (from + 1) * size), to * size));
  return out;
}

function component(data: Uint8Array, axis: number): Uint8Array {
  const all = new Float64Array(data.buffer, data.byteOffset, data.byteLength / 8);
  return bytesOf(Float64Array.from({ length: all.length / 3 }, (_, i) => all[3 * i + axis] ?? 0));
}

function interleave(axes: Uint8Array[]): Uint8Array {
  const parts = axes.map((a) => new Float64Array(a.buffer, a.byteOffset, a.byteLength / 8));
  return bytesOf(
    Float64Array.from(
      { length: 3 * (parts[0]?.length ?? 0) },
      (_, i) => parts[i % 3]?.[Math.floor(i / 3)] ?? 0,
    ),
  );
}

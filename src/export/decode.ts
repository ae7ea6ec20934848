import { crc32 } from 'node:zlib';
import type { ArchiveReader, FieldEntry, StepEntry } from '../archive/types.js';
import type { Codec } from '../codec/types.js';
import { GaussituError } from '../errors.js';
import { assemble } from './assemble.js';
import { BlockDecoder } from './block_decoder.js';
import { requireModel } from './entry.js';
import type { ExportField } from './types.js';

/** Narrows a field down to one block, or to the blocks of one mesh. */
export interface Part {
  block?: number | undefined;
  mesh?: string | undefined;
}

/** The blocks of a field at a step, or some of them. Throws NOT_FOUND that says what there is. */
export function entriesOf(step: StepEntry, field: string, { block, mesh }: Part = {}): FieldEntry[] {
  const named = step.fields.filter((f) => f.name === field);
  const all = mesh === undefined ? named : named.filter((f) => f.mesh === mesh);
  if (named.length > 0 && all.length === 0) {
    throw new GaussituError('NOT_FOUND', `field ${field} on mesh ${mesh}, step ${step.step}`, {
      expected: `one of ${[...new Set(named.map((f) => f.mesh))].join(', ')}`,
    });
  }
  const entries = block === undefined ? all : all.filter((f) => f.block === block);
  if (entries.length > 0) return entries.toSorted((a, b) => a.block - b.block);
  throw new GaussituError(
    'NOT_FOUND',
    `field ${field}${block === undefined ? '' : `, block ${block}`}, step ${step.step}`,
    {
      expected:
        all.length > 0
          ? `one of the blocks ${all.map((f) => f.block).join(', ')}`
          : `one of ${[...new Set(step.fields.map((f) => f.name))].join(', ')}`,
    },
  );
}

/** The step with the models of a field standing alone: what queryPoints and queryGrid ask. Throws like decodeField. */
export async function withWholeModels(
  archive: ArchiveReader,
  codec: Codec,
  step: StepEntry,
  field: string,
): Promise<StepEntry> {
  const decoder = new BlockDecoder(archive, codec);
  const fields: FieldEntry[] = [];
  for (const entry of step.fields) {
    fields.push(entry.name === field ? await decoder.whole(step.step, entry) : entry);
  }
  return { ...step, fields };
}

/**
 * The step with coarser models of a field in place of its blocks: the first `part` of each model's Gaussians. Models must be
 * whole (withWholeModels); of blocks with a strict bound it is the model beside their residual. Throws UNSUPPORTED where a
 * block has none.
 */
export async function withCoarserModels(
  codec: Codec,
  step: StepEntry,
  field: string,
  part: number,
): Promise<StepEntry> {
  const fields: FieldEntry[] = [];
  for (const entry of step.fields) {
    if (entry.name !== field || entry.kind === 'constant' || entry.kind === 'empty') {
      fields.push(entry);
      continue;
    }
    const payload = await codec.coarser(requireModel(codec, entry, step.step), part);
    const { references: _, ...alone } = entry;
    fields.push({ ...alone, kind: 'gaussian', payload, preview: true });
  }
  return { ...step, fields };
}

/** Throws CORRUPT_STREAM where a block does not decode to the array that its certificate speaks of. */
function checkCertified(
  { name, block, preview, certificate }: FieldEntry,
  step: number,
  data: Uint8Array,
): void {
  const received = crc32(data);
  if (preview || received === certificate.crc) return;
  throw new GaussituError('CORRUPT_STREAM', `field ${name}, block ${block}, step ${step}`, {
    expected: `the array with CRC-32 ${certificate.crc}, as its certificate says`,
    received: `one with ${received}`,
    hint: 'gaussitu verify checks the whole run; a run of another build may be of another format',
  });
}

/** A whole field at a step, blocks put together. Throws NOT_FOUND, CORRUPT_STREAM, UNSUPPORTED. */
export async function decodeField(
  archive: ArchiveReader,
  codec: Codec,
  step: StepEntry,
  field: string,
  part: Part = {},
): Promise<ExportField> {
  const entries = entriesOf(step, field, part);
  const decoder = new BlockDecoder(archive, codec);
  const blocks = [];
  let missing = false;
  for (const entry of entries) {
    const mesh = await archive.readMesh(entry.mesh, entry.block, step.step);
    const data = await decoder.decode(step.step, entry, mesh);
    checkCertified(entry, step.step, data);
    if (mesh) blocks.push({ mesh, data });
    else missing = true;
    if (!mesh && entries.length === 1) return describe(step, entry, data, [entry.certificate.values]);
  }
  const first = entries[0] as FieldEntry;
  if (missing) {
    throw new GaussituError(
      'UNSUPPORTED',
      `field ${field} has ${entries.length} blocks whose meshes are not in the run`,
      {
        hint: 'decode them one by one with --block',
      },
    );
  }
  const { data, shape, lattice } = assemble(blocks, first.association, first.dtype);
  return { ...describe(step, first, data, shape), ...(lattice && { lattice }), blocks };
}

function describe(step: StepEntry, entry: FieldEntry, data: Uint8Array, shape: number[]): ExportField {
  return {
    name: entry.name,
    step: step.step,
    time: step.time,
    ...(entry.units === undefined ? {} : { units: entry.units }),
    association: entry.association,
    dtype: entry.dtype,
    data,
    shape,
  };
}

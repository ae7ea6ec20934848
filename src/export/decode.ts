import { promisify } from 'node:util';
import { inflate } from 'node:zlib';
import type { ArchiveReader, FieldEntry, StepEntry } from '../archive/types.js';
import type { Codec } from '../codec/types.js';
import { GaussituError } from '../errors.js';
import { DTYPE_BYTES } from '../protocol/field.js';
import type { MeshBlock } from '../protocol/mesh.js';
import { assemble } from './assemble.js';
import type { ExportField } from './types.js';

const inflateAsync = promisify(inflate);

/**
 * One stored block back to the array it stands for: little-endian values of the field's dtype, without ghosts. `mesh` is
 * needed for a Gaussian model only. Throws CORRUPT_STREAM, NOT_FOUND (no mesh).
 */
export async function decodeEntry(
  codec: Codec,
  entry: FieldEntry,
  mesh: MeshBlock | undefined,
): Promise<Uint8Array> {
  const { certificate, dtype } = entry;
  const bytes = certificate.values * DTYPE_BYTES[dtype];
  const data = await decodeKind(codec, entry, mesh, bytes);
  if (data.length !== bytes) {
    throw new GaussituError('CORRUPT_STREAM', `field ${entry.name}, block ${entry.block}`, {
      expected: `${certificate.values} values, as the certificate says`,
      received: `${data.length / DTYPE_BYTES[dtype]}`,
    });
  }
  return data;
}

async function decodeKind(
  codec: Codec,
  entry: FieldEntry,
  mesh: MeshBlock | undefined,
  bytes: number,
): Promise<Uint8Array> {
  const float = entry.dtype === 'f64' ? Float64Array : Float32Array;
  switch (entry.kind) {
    case 'empty':
      return new Uint8Array();
    case 'constant':
      return bytesOf(new float(entry.certificate.values).fill(entry.certificate.valueMin));
    case 'lossless':
      try {
        return await inflateAsync(entry.payload, { maxOutputLength: Math.max(bytes, 1) });
      } catch (error) {
        throw new GaussituError('CORRUPT_STREAM', `field ${entry.name}, block ${entry.block}`, {
          received: String(error),
          cause: error,
        });
      }
    default: {
      if (!mesh) {
        throw new GaussituError(
          'NOT_FOUND',
          `the mesh of field ${entry.name}, block ${entry.block}, is not in the run`,
          {
            hint: 'it was written with --mesh none: ask for --points or --grid',
          },
        );
      }
      const at = {
        mesh: mesh.mesh,
        ...(mesh.ghost && { ghost: mesh.ghost }),
        association: entry.association,
      };
      const decoded = await codec.decode(entry.payload, at, entry.dtype === 'f64' ? 'f64' : 'f32');
      return bytesOf(decoded.values);
    }
  }
}

/** The blocks of a field at a step, or one of them. Throws NOT_FOUND that says what there is. */
export function entriesOf(step: StepEntry, field: string, block?: number): FieldEntry[] {
  const all = step.fields.filter((f) => f.name === field);
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

/** A whole field at a step, blocks put together. Throws NOT_FOUND, CORRUPT_STREAM, UNSUPPORTED. */
export async function decodeField(
  archive: ArchiveReader,
  codec: Codec,
  step: StepEntry,
  field: string,
  block?: number,
): Promise<ExportField> {
  const entries = entriesOf(step, field, block);
  const blocks = [];
  let missing = false;
  for (const entry of entries) {
    const mesh = await archive.readMesh(entry.mesh, entry.block, step.step);
    const data = await decodeEntry(codec, entry, mesh);
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

export function bytesOf(array: Float32Array | Float64Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

import { promisify } from 'node:util';
import { inflate } from 'node:zlib';
import type { FieldEntry } from '../archive/types.js';
import type { Codec } from '../codec/types.js';
import { GaussituError } from '../errors.js';
import { DTYPE_BYTES } from '../protocol/field.js';
import type { MeshBlock } from '../protocol/mesh.js';

const inflateAsync = promisify(inflate);

/** The Gaussian model of a stored block (made whole), for Codec.decode; undefined when it has none. Throws CORRUPT_STREAM. */
export function modelOfEntry(
  codec: Codec,
  { kind, payload, certificate }: FieldEntry,
): Uint8Array | undefined {
  if (kind === 'gaussian') return payload;
  return kind === 'bounded' && certificate.model ? codec.modelOf(payload) : undefined;
}

/** The same; throws UNSUPPORTED where the block has none. */
export function requireModel(codec: Codec, entry: FieldEntry, step: number): Uint8Array {
  const model = modelOfEntry(codec, entry);
  if (model) return model;
  throw new GaussituError('UNSUPPORTED', `field ${entry.name}, block ${entry.block}, step ${step}`, {
    expected: 'a Gaussian model',
    received: `${entry.kind} values without a model`,
    hint: 'decode it without --points, --grid, --gradient and --lod, or compress it with a larger --model-share',
  });
}

/**
 * One stored block that is not bounded (see BlockDecoder) back to the array it stands for: little-endian values of the
 * field's dtype, without ghosts. `mesh` is needed for a Gaussian model only. Throws CORRUPT_STREAM, NOT_FOUND (no mesh).
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
    case 'bounded':
      throw new GaussituError('INTERNAL', `field ${entry.name}: a bounded block needs a BlockDecoder`);
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

export function bytesOf(array: Float32Array | Float64Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

/** The same memory as numbers; copied when it is not aligned. */
export function valuesOf(bytes: Uint8Array, dtype: FieldEntry['dtype']): Float32Array | Float64Array {
  const array = dtype === 'f64' ? Float64Array : Float32Array;
  const aligned = bytes.byteOffset % array.BYTES_PER_ELEMENT === 0 ? bytes : bytes.slice();
  return new array(
    aligned.buffer as ArrayBuffer,
    aligned.byteOffset,
    bytes.byteLength / array.BYTES_PER_ELEMENT,
  );
}

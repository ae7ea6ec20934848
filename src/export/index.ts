import { extname } from 'node:path';
import { writeFile } from 'node:fs/promises';
import { GaussituError } from '../errors.js';
import { bytesOf } from './entry.js';
import { encodeHdf5 } from './hdf5.js';
import { encodeNpy } from './npy.js';
import { toFloat32, toFloat64 } from './numbers.js';
import type { ExportField } from './types.js';
import { encodeVtkHdf } from './vtkhdf.js';

/** File formats by extension. */
const FORMATS: Record<string, (field: ExportField) => Uint8Array | Promise<Uint8Array>> = {
  '.f32': (field) => bytesOf(toFloat32(field.data, field.dtype)),
  '.f64': (field) => bytesOf(toFloat64(field.data, field.dtype)),
  '.npy': (field) => encodeNpy(field.data, field.dtype, field.shape),
  '.h5': encodeHdf5,
  '.vtkhdf': encodeVtkHdf,
};
export const EXTENSIONS = Object.keys(FORMATS);

/** Throws INVALID_ARGUMENT when the extension is not one of EXTENSIONS: before anything is decoded. */
export function requireFormat(path: string): void {
  if (extname(path).toLowerCase() in FORMATS) return;
  throw new GaussituError('INVALID_ARGUMENT', '--output', {
    expected: `a file name that ends in ${EXTENSIONS.join(', ')}`,
    received: path,
  });
}

/** Writes a field in the format of the file name's extension; resolves to the bytes written. */
export async function writeField(path: string, field: ExportField): Promise<number> {
  requireFormat(path);
  const bytes = await FORMATS[extname(path).toLowerCase()]?.(field);
  try {
    await writeFile(path, bytes ?? '');
  } catch (error) {
    throw new GaussituError('INVALID_ARGUMENT', `cannot write ${path}`, {
      received: error instanceof Error ? error.message : String(error),
      cause: error,
    });
  }
  return bytes?.length ?? 0;
}

export { BlockDecoder } from './block_decoder.js';
export { parseBox, parseSlice } from './box.js';
export type { Box, Slice } from './box.js';
export { decodePart } from './part.js';
export { decodeField, entriesOf, withCoarserModels, withWholeModels } from './decode.js';
export { decodeEntry } from './entry.js';
export { queryGrid, queryPoints } from './query.js';
export { readPoints } from './points_file.js';
export type { DecodedBlock, ExportField, Lattice } from './types.js';

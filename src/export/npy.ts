import { GaussituError } from '../errors.js';
import { DTYPE_BYTES, type Dtype } from '../protocol/field.js';

/** NumPy's .npy format, version 1.0 (numpy.lib.format). */
const MAGIC = '\x93NUMPY';
const CODES: Record<Dtype, string> = {
  f32: '<f4',
  f64: '<f8',
  i8: '|i1',
  u8: '|u1',
  i16: '<i2',
  u16: '<u2',
  i32: '<i4',
  u32: '<u4',
  i64: '<i8',
  u64: '<u8',
};

/** Shape slowest axis first (C order). */
export function encodeNpy(data: Uint8Array, dtype: Dtype, shape: readonly number[]): Uint8Array {
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
  const header = `{'descr': '${CODES[dtype]}', 'fortran_order': False, 'shape': ${tuple}, }`;
  const length = Math.ceil((10 + header.length + 1) / 64) * 64 - 10;
  const prefix = Buffer.alloc(10);
  prefix.write(MAGIC, 'latin1');
  prefix[6] = 1;
  prefix.writeUInt16LE(length, 8);
  return Buffer.concat([prefix, Buffer.from(header.padEnd(length - 1) + '\n', 'latin1'), data]);
}

/** A C-ordered little-endian array. Throws INVALID_INPUT. */
export function decodeNpy(bytes: Buffer, path: string): { data: Uint8Array; dtype: Dtype; shape: number[] } {
  const version = bytes[6] ?? 0;
  if (bytes.length < 12 || bytes.toString('latin1', 0, 6) !== MAGIC || version < 1 || version > 3) {
    throw new GaussituError('INVALID_INPUT', `${path} is not a .npy file`);
  }
  const begin = version === 1 ? 10 : 12;
  const end = begin + (version === 1 ? bytes.readUInt16LE(8) : bytes.readUInt32LE(8));
  const header = bytes.toString('latin1', begin, end);
  const code = /'descr':\s*'([^']*)'/.exec(header)?.[1];
  const dtype = (Object.keys(CODES) as Dtype[]).find((d) => CODES[d] === code);
  const shape = /'shape':\s*\(([^)]*)\)/
    .exec(header)?.[1]
    ?.split(',')
    .filter((s) => s.trim())
    .map(Number);
  if (!dtype || !shape || !/'fortran_order':\s*False/.test(header)) {
    throw new GaussituError('INVALID_INPUT', `${path}: array`, {
      expected: 'little-endian numbers in C order',
      received: header.trim(),
    });
  }
  const data = bytes.subarray(end);
  const expected = shape.reduce((a, b) => a * b, 1) * DTYPE_BYTES[dtype];
  if (data.length !== expected) {
    throw new GaussituError('INVALID_INPUT', `${path} is cut off or too long`, {
      expected: `${expected} bytes of data`,
      received: String(data.length),
    });
  }
  return { data, dtype, shape };
}

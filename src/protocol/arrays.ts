import { crc32 } from 'node:zlib';
import { GaussituError } from '../errors.js';
import { DTYPE_BYTES, type Dtype } from './field.js';

/** A frame must be exactly as long as its header says and match its checksum, when it has one. */
export function checkFrame(
  what: string,
  frame: Uint8Array,
  shape: readonly number[],
  dtype: Dtype,
  crc: number | null | undefined,
): void {
  const expected = shape.reduce((product, n) => product * n, 1) * DTYPE_BYTES[dtype];
  if (frame.byteLength !== expected) {
    throw new GaussituError('BAD_MESSAGE', `${what}: frame`, {
      expected: `${expected} bytes for ${dtype} [${shape.join(', ')}]`,
      received: `${frame.byteLength} bytes`,
    });
  }
  if (crc !== null && crc !== undefined) {
    const actual = crc32(frame);
    if (actual !== crc) {
      throw new GaussituError('CHECKSUM', what, {
        expected: `CRC-32 ${crc.toString(16)}`,
        received: actual.toString(16),
        hint: 'the array changed after its checksum was taken, or on the way',
      });
    }
  }
}

type TypedArray = Float32Array | Float64Array | Int32Array | BigInt64Array | Uint8Array;
interface TypedArrayConstructor<T extends TypedArray> {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): T;
}

/** A typed array of its own: frames of a socket are at any alignment and pin their receive buffer. */
export function copyAs<T extends TypedArray>(frame: Uint8Array, type: TypedArrayConstructor<T>): T {
  const copy = new Uint8Array(frame);
  return new type(copy.buffer, 0, copy.byteLength / type.BYTES_PER_ELEMENT);
}

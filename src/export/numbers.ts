import { DTYPE_BYTES, type Dtype } from '../protocol/field.js';
import type { TypedArray } from '../hdf5/write_image.js';

const ARRAYS = {
  f32: Float32Array,
  f64: Float64Array,
  i8: Int8Array,
  u8: Uint8Array,
  i16: Int16Array,
  u16: Uint16Array,
  i32: Int32Array,
  u32: Uint32Array,
  i64: BigInt64Array,
  u64: BigUint64Array,
} as const;

/** Little-endian bytes as an array of the machine (little-endian, too): a view where alignment allows. */
export function toTyped(bytes: Uint8Array, dtype: Dtype): TypedArray {
  const size = DTYPE_BYTES[dtype];
  const own = bytes.byteOffset % size === 0 ? bytes : new Uint8Array(bytes);
  return new ARRAYS[dtype](own.buffer as ArrayBuffer, own.byteOffset, own.length / size);
}

/** As doubles; 64-bit integers beyond 2^53 are rounded. */
export function toFloat64(bytes: Uint8Array, dtype: Dtype): Float64Array {
  const values = toTyped(bytes, dtype);
  return values instanceof Float64Array ? values : Float64Array.from(values as ArrayLike<number>, Number);
}

export function toFloat32(bytes: Uint8Array, dtype: Dtype): Float32Array {
  const values = toTyped(bytes, dtype);
  return values instanceof Float32Array ? values : Float32Array.from(values as ArrayLike<number>, Number);
}

import type { Dtype } from './field.js';

/** The same array with NaN where the fill value stands: "nothing here". A copy, unless there is nothing to do. */
export function blankFill(data: Uint8Array, dtype: Dtype, fill: number | undefined): Uint8Array {
  if (fill === undefined || (dtype !== 'f32' && dtype !== 'f64')) return data;
  const copy = new Uint8Array(data);
  const values = dtype === 'f32' ? new Float32Array(copy.buffer) : new Float64Array(copy.buffer);
  const mark = dtype === 'f32' ? Math.fround(fill) : fill;
  for (let i = 0; i < values.length; i++) if (values[i] === mark) values[i] = Number.NaN;
  return copy;
}

import { GaussituError } from '../errors.js';
import { toFloat64 } from '../export/numbers.js';
import type { Dtype } from '../protocol/field.js';

export interface Comparison {
  /** Pairs in which both are finite. */
  values: number;
  /** Non-finite in the original. */
  nonFinite: number;
  valueMin: number;
  valueMax: number;
  rmse: number;
  maxError: number;
  /** Largest error over the size of its value; infinite where a zero did not come back as one. */
  maxRelativeError: number;
  /** dB over the original's range; Infinity when equal. */
  psnr: number;
}

/** Decoded against original, both packed arrays of one dtype, in double precision at every finite original value. */
export function compareArrays(original: Uint8Array, decoded: Uint8Array, dtype: Dtype): Comparison {
  if (original.length !== decoded.length) {
    throw new GaussituError('BAD_SHAPE', 'decoded and original differ in size', {
      expected: `${original.length} bytes`,
      received: `${decoded.length} bytes`,
    });
  }
  const a = toFloat64(original, dtype);
  const b = toFloat64(decoded, dtype);
  let [squares, maxError, maxRelativeError, values, nonFinite] = [0, 0, 0, 0, 0];
  let [lo, hi] = [Infinity, -Infinity];
  for (let i = 0; i < a.length; i++) {
    const x = a[i] as number;
    if (!Number.isFinite(x)) {
      nonFinite++;
      continue;
    }
    values++;
    if (x < lo) lo = x;
    if (x > hi) hi = x;
    const error = Math.abs(x - (b[i] as number));
    squares += error * error;
    // A decoded NaN must not slip through a comparison.
    if (!(error <= maxError)) maxError = error;
    const relative = error === 0 ? 0 : error / Math.abs(x);
    if (!(relative <= maxRelativeError)) maxRelativeError = relative;
  }
  const rmse = values > 0 ? Math.sqrt(squares / values) : 0;
  const psnr = rmse === 0 ? Infinity : 20 * Math.log10((hi - lo) / rmse);
  return { values, nonFinite, valueMin: lo, valueMax: hi, rmse, maxError, maxRelativeError, psnr };
}

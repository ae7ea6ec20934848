/** Measured on the decoded payload, at every finite value, in double precision. */
export interface Metrics {
  valueMin: number;
  valueMax: number;
  rmse: number;
  maxError: number;
  /** Largest error over the size of its value; of fields with a point-wise bound. */
  maxRelativeError?: number;
  /** dB, 20 log10((valueMax - valueMin) / rmse); Infinity when exact. */
  psnr: number;
  values: number;
  nonFinite: number;
  /** CRC-32 of the decoded array in the field's dtype, without ghosts. */
  crc: number;
}

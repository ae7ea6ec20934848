export const DTYPES = ['f32', 'f64', 'i8', 'u8', 'i16', 'u16', 'i32', 'u32', 'i64', 'u64'] as const;
export type Dtype = (typeof DTYPES)[number];
export const DTYPE_BYTES: Readonly<Record<Dtype, number>> = {
  f32: 4,
  f64: 8,
  i8: 1,
  u8: 1,
  i16: 2,
  u16: 2,
  i32: 4,
  u32: 4,
  i64: 8,
  u64: 8,
};
export type Association = 'node' | 'cell';

/**
 * A strict bound on every value: absolute in field units, relative to each block's value range at each step, or
 * relative to each value itself (above 0, below 1; zeros come back as zeros, signs are kept).
 */
export type Bound = { abs: number } | { rel: number } | { pwRel: number };
/**
 * What a simulation may ask of a field: exactly one key. `ratio` counts raw bytes over stored bytes, `bytes` is per
 * step.
 */
export type AskedTarget = { ratio: number } | { psnr: number } | { bytes: number } | Bound;
/** What a field has to meet. Settings may also give bytes to all steps together. */
export type Target = AskedTarget | { bytesPerRun: number };

export function isBound(target: Target): target is Bound {
  return 'abs' in target || 'rel' in target || 'pwRel' in target;
}

/** The values of one field on one block at one timestep, as they came. */
export interface FieldBlock {
  step: number;
  time: number;
  field: string;
  /** Name of the mesh; (mesh, block) was defined before. */
  mesh: string;
  block: number;
  association: Association;
  dtype: Dtype;
  /** Interleaved components per value. */
  components: number;
  /** Raw little-endian bytes, any alignment; values * components * DTYPE_BYTES. Ghost layers included. */
  data: Uint8Array;
  units?: string;
  target?: Target;
  /** Marks values that are none (land in an ocean): kept exactly, left out of ranges and models. */
  fill?: number;
}

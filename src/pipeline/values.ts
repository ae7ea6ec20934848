import type { Dtype } from '../protocol/field.js';
import { interiorRows, type Interior } from '../protocol/extent.js';

type Reader = (view: DataView, at: number) => number;

const READERS: Readonly<Record<Dtype, Reader>> = {
  f32: (view, at) => view.getFloat32(at, true),
  f64: (view, at) => view.getFloat64(at, true),
  i8: (view, at) => view.getInt8(at),
  u8: (view, at) => view.getUint8(at),
  i16: (view, at) => view.getInt16(at, true),
  u16: (view, at) => view.getUint16(at, true),
  i32: (view, at) => view.getInt32(at, true),
  u32: (view, at) => view.getUint32(at, true),
  i64: (view, at) => Number(view.getBigInt64(at, true)),
  u64: (view, at) => Number(view.getBigUint64(at, true)),
};

export interface ValueRange {
  /** NaN when no value is finite. */
  min: number;
  max: number;
  values: number;
  nonFinite: number;
}

/** Range of a packed array of one component, without marked values. Integers beyond 2^53 are rounded. */
export function valueRange(
  data: Uint8Array,
  dtype: Dtype,
  scalarBytes: number,
  marks?: Uint8Array,
): ValueRange {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const read = READERS[dtype];
  let [min, max, nonFinite] = [Infinity, -Infinity, 0];
  for (let at = 0; at < data.byteLength; at += scalarBytes) {
    const value = marks?.[at / scalarBytes] ? Number.NaN : read(view, at);
    if (!Number.isFinite(value)) nonFinite++;
    else {
      if (value < min) min = value;
      if (value > max) max = value;
    }
  }
  const values = data.byteLength / scalarBytes;
  if (nonFinite === values) [min, max] = [Number.NaN, Number.NaN];
  return { min, max, values, nonFinite };
}

/** Where one component lies in an array of values. */
export interface ValueLayout {
  scalarBytes: number;
  components: number;
  component: number;
}

/** Whether a component has NaN or infinities without its ghosts. */
export function hasNonFinite(
  data: Uint8Array,
  dtype: 'f32' | 'f64',
  box: Interior,
  layout: ValueLayout,
): boolean {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const stride = layout.scalarBytes * layout.components;
  // The exponent, all ones: one integer per value, two bytes from its end.
  const [top, all] = dtype === 'f32' ? [2, 0x7f80] : [6, 0x7ff0];
  for (const { start, end } of interiorRows(box, stride)) {
    for (let at = start + layout.component * layout.scalarBytes + top; at < end; at += stride) {
      if ((view.getUint16(at, true) & all) === all) return true;
    }
  }
  return false;
}

export type Variety = 'varying' | 'constant' | 'none finite';

/**
 * Whether a component has two different finite values without its ghosts. Stops at the first two that differ, which
 * on real fields is at once; a non-finite value among equal ones makes it 'varying', since NaN is no constant.
 */
export function variety(data: Uint8Array, dtype: 'f32' | 'f64', box: Interior, layout: ValueLayout): Variety {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const read = READERS[dtype];
  const stride = layout.scalarBytes * layout.components;
  let first: number | undefined;
  let nonFinite = false;
  for (const { start, end } of interiorRows(box, stride)) {
    for (let at = start + layout.component * layout.scalarBytes; at < end; at += stride) {
      const value = read(view, at);
      if (!Number.isFinite(value)) nonFinite = true;
      else if (first === undefined) first = value;
      // Object.is: -0 and 0 are different bytes.
      else if (!Object.is(value, first)) return 'varying';
    }
  }
  if (first === undefined) return 'none finite';
  return nonFinite ? 'varying' : 'constant';
}

import type { Association, Dtype } from './field.js';
import type { MeshBlock } from './mesh.js';

/** One mark per value of a field, ghost layers included; not 0: not a value of this block. undefined: all are. */
export function ghostMarks(block: MeshBlock, association: Association): Uint8Array | undefined {
  return block.ghosts?.[association];
}

/** The same array with NaN where a mark is: "nothing here". A copy, unless there is nothing to do. */
export function blankGhosts(
  data: Uint8Array,
  dtype: Dtype,
  components: number,
  marks: Uint8Array | undefined,
): Uint8Array {
  if (!marks || (dtype !== 'f32' && dtype !== 'f64')) return data;
  const copy = new Uint8Array(data);
  const values = dtype === 'f32' ? new Float32Array(copy.buffer) : new Float64Array(copy.buffer);
  marks.forEach((mark, i) => {
    if (mark !== 0) values.fill(Number.NaN, i * components, (i + 1) * components);
  });
  return copy;
}

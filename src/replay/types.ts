import type { Association, Dtype, FieldBlock } from '../protocol/field.js';
import type { MeshBlock } from '../protocol/mesh.js';

export interface InputField {
  name: string;
  mesh: string;
  association: Association;
  dtype: Dtype;
  components: number;
  units?: string;
}

/** Archived raw timesteps, read step by step and field by field: nothing is held but what was asked for. */
export interface Input {
  readonly path: string;
  readonly kind: 'raw' | 'hdf5' | 'vtkhdf' | 'bp';
  /** A name for a run made of it. */
  readonly name: string;
  /** Selected steps in increasing order, by their own numbers. */
  readonly steps: readonly number[];
  /** Selected fields in the input's order. */
  readonly fields: readonly InputField[];
  time(step: number): number;
  /** Does `field` exist at `step`? */
  has(step: number, field: string): boolean;
  /** Blocks of a mesh as of `step`; the same array for as long as nothing changed. */
  mesh(name: string, step: number): Promise<readonly MeshBlock[]>;
  /** One block of data for each block of the field's mesh. Throws NOT_FOUND, INVALID_INPUT. */
  readField(step: number, field: string): Promise<FieldBlock[]>;
  close(): void;
}

export interface InputOptions {
  /** Names to keep; default all. */
  fields?: readonly string[];
  /** Python-like slice over the input's steps, e.g. '0:10', '3:', ':5:2', '-1:', or one index '4'. */
  steps?: string;
}

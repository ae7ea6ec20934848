import type { Association, Dtype } from '../protocol/field.js';
import type { MeshBlock, Triple } from '../protocol/mesh.js';

/** A regular lattice of samples: nodes of a uniform grid, or centres of its cells. */
export interface Lattice {
  /** Samples per axis, x fastest. */
  dims: Triple;
  origin: Triple;
  spacing: Triple;
}

/** One decoded block: raw little-endian values without ghosts. */
export interface DecodedBlock {
  mesh: MeshBlock;
  data: Uint8Array;
}

/** What is written to a file: one scalar field at one step. */
export interface ExportField {
  name: string;
  step: number;
  time: number;
  units?: string;
  association: Association;
  dtype: Dtype;
  /** All values, little-endian; blocks put together. */
  data: Uint8Array;
  /** Slowest axis first, as numpy has it; of slopes their three components last. */
  shape: number[];
  /** Numbers per place, if not one. */
  components?: number;
  /** Where the values sit, when that is a regular lattice. */
  lattice?: Lattice;
  /** Blocks as decoded, for formats that keep the mesh; absent for queries. */
  blocks?: DecodedBlock[];
  /** World points [n, 3] of a query. */
  points?: Float64Array;
}

import type { ModelShare } from '../config/types.js';
import type { Association } from '../protocol/field.js';
import type { Metrics } from '../protocol/metrics.js';
import type { Coordinates, GhostLayers, Mesh, Triple } from '../protocol/mesh.js';

export type { Metrics } from '../protocol/metrics.js';

/** Exactly one key: payload bytes (met from below), PSNR in dB (met from above), or a number of Gaussians. */
export type EncodeTarget = { bytes: number } | { psnr: number } | { gaussians: number };

export interface EncodeProgress {
  iteration: number;
  iterations: number;
  /** dB over the value range, before quantisation. */
  psnr: number;
  seconds: number;
  gaussians: number;
}

export interface EncodeRequest {
  mesh: Mesh;
  ghost?: GhostLayers;
  association: Association;
  dtype: 'f32' | 'f64';
  /** Raw little-endian bytes at any alignment, ghost layers included; not copied, must not change until done. */
  data: Uint8Array;
  /** Interleaved components in `data`, and which one to encode. Default 1 and 0. */
  components?: number;
  component?: number;
  target: EncodeTarget;
  optimiser?: 'lm' | 'adam';
  /** At most; default: chosen (60 to 120 cold, up to 650 for small models, 24 warm, 36 for changes). */
  iterations?: number;
  /** Time limit of the training. Results then depend on the machine's speed. */
  seconds?: number;
  /** Model of an earlier step as a payload that stands alone: warm start. */
  previous?: Uint8Array;
  /** The payload may hold changes to `previous` alone, which then is needed to decode it. */
  mayRefer?: boolean;
  onProgress?: (progress: EncodeProgress) => void;
  signal?: AbortSignal;
}

export interface EncodeResult {
  payload: Uint8Array;
  /** Whether the payload holds changes to `previous` alone. */
  refers: boolean;
  /** The same model as a payload that stands alone: what the next step starts from. */
  whole: Uint8Array;
  metrics: Metrics;
  gaussians: number;
  iterations: number;
  trainSeconds: number;
  /** Gaussian-sample pairs evaluated. */
  pairEvaluations: number;
  start: 'cold' | 'warm';
  /** That did the work: 'cpu', 'cuda:0'. A block that does not fit into a card's memory is encoded on the CPU. */
  device: string;
}

/** The device that a codec works on. */
export interface ChosenDevice {
  /** 'cpu', 'cuda:0' */
  name: string;
  /** For people: the card and its memory, or threads and instruction set. */
  description: string;
  /** With 'auto': why it is not a card; else empty. */
  note: string;
}

/** A part of a grid of values without ghost layers: from `first` to before `last` along each axis. */
export interface IndexBox {
  first: Triple;
  last: Triple;
}

/**
 * Where to decode: at the samples of a mesh, of a grid all or those of a box; at any world points [n, 3]; or on a regular
 * grid.
 */
export type DecodeAt =
  | { mesh: Mesh; ghost?: GhostLayers; association: Association; box?: IndexBox }
  | { points: Coordinates }
  | { grid: { dims: Triple; origin: Triple; spacing: Triple } };

export interface Decoded {
  /** Field values, f64 when asked for or when decoding an f64 field. */
  values: Float32Array | Float64Array;
  /** 1 where the point is inside the domain of the model. */
  inside: Uint8Array;
  /** [n, 3] slopes of the field along x, y and z, field units per world unit; where asked for. */
  gradient?: Float32Array | Float64Array;
}

/** A payload decoded and indexed, in native memory: for many questions, or few points at a time. */
export interface OpenModel {
  /** Native memory it holds. */
  readonly bytes: number;
}

export interface PayloadInfo {
  version: number;
  gaussians: number;
  valueMin: number;
  valueRange: number;
  /** Bounding box of the samples in world coordinates. */
  lo: Triple;
  hi: Triple;
}

/**
 * A bound on every value: absolute in field units, relative to the value range of this block at this step, or relative to
 * the value itself (above 0, below 1).
 */
export type BoundTarget = { abs: number } | { rel: number } | { pwRel: number };

/** Decoded values of one block, kept in native memory as a reference for later steps and sibling fields. */
export interface FieldState {
  /** Native memory it holds. */
  readonly bytes: number;
}

/** Where the values sit; without a mesh they are coded along their order in the array. */
export type BoundedPlace = { mesh: Mesh; ghost?: GhostLayers; association: Association } | { values: number };

export interface BoundedReferences {
  /** Of the same field, latest first, at most two. */
  earlier?: readonly FieldState[];
  /** Other fields at this step, on the same mesh and of the same dtype. */
  siblings?: readonly FieldState[];
}

export type BoundedRequest = BoundedPlace &
  BoundedReferences & {
    dtype: 'f32' | 'f64';
    /** Raw little-endian bytes at any alignment, ghost layers included; not copied, must not change until done. */
    data: Uint8Array;
    components?: number;
    component?: number;
    /** Or payload bytes (met from below), or a PSNR in dB (met from above), with the bound that reaches it. */
    target: BoundTarget | { bytes: number } | { psnr: number };
    /** With bytes or psnr: a bound to begin the search with, field units. */
    guess?: number;
    /** Values that come back exactly and count in no range. */
    fills?: readonly number[];
    /**
     * Bytes for a Gaussian model beside the residual, as a share of what the block takes without: default 0, none. A
     * model that would make the block more than 3 % larger gives way to one of the size of 'auto': 2.5 %, at most a
     * byte for 256 values. 'best': blocks without earlier steps search for the share that makes them shortest (that has
     * the best quality at a size), training three or four models.
     */
    modelShare?: ModelShare;
    /** Model of the step before (Codec.modelOf of its payload): warm start. */
    previousModel?: Uint8Array;
    /** Looked at before the work begins; a block takes well under a second per million values. */
    signal?: AbortSignal;
  };

/** The Gaussian model within a bounded payload. */
export interface BoundedModel {
  bytes: number;
  gaussians: number;
  /** dB, of the model alone at the samples. */
  psnr: number;
  /** Whether the residual is coded against it. */
  reference: boolean;
  iterations: number;
  start: 'cold' | 'warm';
  /** That trained it. */
  device: string;
}

export interface BoundedResult {
  payload: Uint8Array;
  /** From a decode of `payload`; the value range is that without fills. */
  metrics: Metrics;
  /** The bound that was used, field units (`pwRel`: that number); 0: stored exactly. */
  bound: number;
  state: FieldState;
  /** Indices of the offered siblings that decoding needs, in the order it needs them. */
  siblings: number[];
  /** Whether decoding needs the offered earlier steps. */
  usesEarlier: boolean;
  /** Absent: the payload has none. */
  model?: BoundedModel;
}

export interface BoundedDecoded {
  /** Without ghost layers, in the order of the array. */
  values: Float32Array | Float64Array;
  state: FieldState;
}

/** The typed face of the native codec. All work runs on the codec's own thread pool, never on the event loop. */
export interface Codec {
  /** Throws INVALID_ARGUMENT, CANCELLED. */
  encode(request: EncodeRequest): Promise<EncodeResult>;
  /**
   * The payload that stands alone of one that holds changes to `previous`, which stands alone too.
   * Throws INVALID_ARGUMENT, CORRUPT_STREAM (also: changes to another model), UNSUPPORTED.
   */
  resolve(payload: Uint8Array, previous: Uint8Array): Promise<Uint8Array>;
  /**
   * A coarser model as a payload: the first `part` (above 0, up to 1) of the Gaussians of a payload that stands alone,
   * widened to cover for the rest. The payload may be cut anywhere behind its header: then of those that are whole.
   * Throws INVALID_ARGUMENT, CORRUPT_STREAM, UNSUPPORTED.
   */
  coarser(payload: Uint8Array, part?: number): Promise<Uint8Array>;
  /** Of a payload that stands alone. Throws INVALID_ARGUMENT, CORRUPT_STREAM, UNSUPPORTED. */
  decode(
    model: Uint8Array | OpenModel,
    at: DecodeAt,
    dtype?: 'f32' | 'f64',
    options?: { gradient?: boolean },
  ): Promise<Decoded>;
  /** Likewise. */
  open(payload: Uint8Array): Promise<OpenModel>;
  /**
   * Every finite value within the bound, everything else exactly; checked by decoding. Of the siblings at most two are
   * chosen. Throws INVALID_ARGUMENT, CANCELLED.
   */
  encodeBounded(request: BoundedRequest): Promise<BoundedResult>;
  /** Needs the references that encoding used. Throws INVALID_ARGUMENT, CORRUPT_STREAM, UNSUPPORTED. */
  decodeBounded(
    payload: Uint8Array,
    at: BoundedPlace,
    dtype: 'f32' | 'f64',
    references?: BoundedReferences,
  ): Promise<BoundedDecoded>;
  /** Decoded values, without ghost layers, as a reference for bounded blocks; copied. */
  stateOf(values: Float32Array | Float64Array): FieldState;
  describe(payload: Uint8Array): PayloadInfo;
  /** The model within a bounded payload, for decode() and describe(); empty: none. Throws CORRUPT_STREAM, UNSUPPORTED. */
  modelOf(payload: Uint8Array): Uint8Array;
  crc32(bytes: Uint8Array): number;
  /** Threads of the shared pool. */
  setThreads(count: number): void;
  threads(): number;
  /** 'avx512' | 'avx2' | 'scalar' */
  instructionSet(): string;
  /**
   * Where models are trained and evaluated from now on, in the whole process; the CPU before the first call. 'auto': the
   * first card, else the CPU. `memory`: bytes of a card that may be used; 0: nine tenths of what is free. Not to be called
   * while work is under way. Throws INVALID_ARGUMENT, UNAVAILABLE (saying what is there and how to mend it).
   */
  useDevice(name: string, memory?: number): ChosenDevice;
}

import { createRequire } from 'node:module';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { GaussituError, type ErrorCode } from '../errors.js';
import type {
  BoundedResult,
  ChosenDevice,
  EncodeProgress,
  EncodeResult,
  Decoded,
  PayloadInfo,
} from './types.js';
import type { NativeMesh } from './native_mesh.js';

/** A native operation under way. `cancel` may be called at any time, also after the end. */
export interface NativeJob<T> {
  promise: Promise<T>;
  cancel: () => void;
}

export interface NativeEncodeRequest extends NativeMesh {
  data: Uint8Array;
  dtype: 'f32' | 'f64';
  components: number;
  component: number;
  bytes?: number;
  psnr?: number;
  gaussians?: number;
  /** 0: Levenberg-Marquardt, 1: Adam. */
  optimiser: 0 | 1;
  iterations?: number;
  seconds?: number;
  previous?: Uint8Array;
  mayRefer?: boolean;
}

/** A native object; only the addon sees into it. */
export interface NativeHandle {
  readonly bytes: number;
}

interface NativeReferences {
  layout: NativeHandle;
  earlier: NativeHandle[];
  siblings: NativeHandle[];
}

export interface NativeBoundedRequest extends NativeReferences {
  data: Uint8Array;
  dtype: 'f32' | 'f64';
  components: number;
  component: number;
  abs?: number;
  rel?: number;
  bytes?: number;
  psnr?: number;
  guess?: number;
  pwRel?: number;
  fills: number[];
  /** Negative: automatic. */
  modelShare: number;
  previousModel?: Uint8Array;
}

/** What native/addon exports. */
export interface NativeAddon {
  encode(
    request: NativeEncodeRequest,
    onProgress?: (progress: EncodeProgress) => void,
  ): NativeJob<EncodeResult>;
  open(payload: Uint8Array): NativeJob<NativeHandle>;
  decode(
    model: Uint8Array | NativeHandle,
    at: NativeMesh & { dtype: 'f32' | 'f64'; box?: number[] | undefined; gradient: boolean },
  ): NativeJob<Decoded>;
  resolve(payload: Uint8Array, previous: Uint8Array): NativeJob<Uint8Array>;
  coarser(payload: Uint8Array, part: number): NativeJob<Uint8Array>;
  layout(at: NativeMesh | { values: number }): NativeJob<NativeHandle>;
  encodeBounded(
    request: NativeBoundedRequest,
  ): NativeJob<Omit<BoundedResult, 'state'> & { state: NativeHandle }>;
  decodeBounded(
    request: NativeReferences & { payload: Uint8Array; dtype: 'f32' | 'f64' },
  ): NativeJob<{ values: Float32Array | Float64Array; state: NativeHandle }>;
  state(values: Float32Array | Float64Array): NativeHandle;
  describe(payload: Uint8Array): PayloadInfo;
  modelOf(payload: Uint8Array): { begin: number; bytes: number };
  crc32(bytes: Uint8Array): number;
  setThreads(count: number): void;
  threads(): number;
  instructionSet(): string;
  useDevice(name: string, memory: number): ChosenDevice;
}

/** Loads build/native/addon/gaussitu.node of this package, or the file that GAUSSITU_ADDON names. */
export function loadAddon(): NativeAddon {
  const path =
    process.env['GAUSSITU_ADDON'] ??
    fileURLToPath(new URL('../../build/native/addon/gaussitu.node', import.meta.url));
  const hint = `build it with "make native" in the source tree, or "npm run build:native" in an installed package`;
  if (!existsSync(path)) {
    throw new GaussituError('NOT_FOUND', 'native codec', {
      expected: path,
      received: 'no such file',
      hint,
    });
  }
  try {
    return createRequire(import.meta.url)(path) as NativeAddon;
  } catch (cause) {
    throw new GaussituError('UNSUPPORTED', 'native codec', {
      expected: `${path} to load on Node ${process.version}, ${process.platform} ${process.arch}`,
      received: cause instanceof Error ? cause.message : String(cause),
      hint,
      cause,
    });
  }
}

/** The error of a native call as one of the family; the core says "Expected A but received B". */
export function fromNative(error: unknown, what: string): unknown {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return error;
  const match = /^Expected (.*?)(?: but received (.*?))?(?:; (.*))?$/s.exec(error.message);
  if (!match)
    return new GaussituError(error.code as ErrorCode, `${what}: ${error.message}`, { cause: error });
  return new GaussituError(error.code as ErrorCode, what, {
    expected: match[1],
    received: match[2],
    hint: match[3],
    cause: error,
  });
}

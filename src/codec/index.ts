import { GaussituError } from '../errors.js';
import { decodeBounded, encodeBounded, modelOf, stateOf } from './bounded.js';
import { checkBytes, checkDtype, checkEncode, checkIndexBox, checkMesh, fail } from './check.js';
import { fromNative, loadAddon, type NativeAddon, type NativeJob } from './native.js';
import { nativeMesh } from './native_mesh.js';
import type { Codec, DecodeAt, Decoded, EncodeRequest, EncodeResult, OpenModel } from './types.js';
import type { Mesh } from '../protocol/mesh.js';

export type * from './types.js';

let addon: NativeAddon | undefined;

/**
 * The native codec. All instances of a process share one thread pool. Throws NOT_FOUND or UNSUPPORTED, saying how
 * to mend it, when the native part was not built or does not load.
 */
export function createCodec(): Codec {
  const native = (addon ??= loadAddon());
  return {
    encode: (request) => encode(native, request),
    decode: (model, at, dtype = 'f32', { gradient = false } = {}) =>
      decode(native, model, at, dtype, gradient),
    async open(payload) {
      checkBytes('payload', payload);
      return run('open', () => native.open(payload));
    },
    async resolve(payload, previous) {
      checkBytes('payload', payload);
      checkBytes('previous', previous);
      return run('resolve', () => native.resolve(payload, previous));
    },
    async coarser(payload, part = 1) {
      checkBytes('payload', payload);
      if (!(part > 0 && part <= 1)) fail('part', 'a number above 0 and up to 1', part);
      return run('coarser', () => native.coarser(payload, part));
    },
    encodeBounded: (request) => encodeBounded(native, request),
    decodeBounded: (payload, at, dtype, references = {}) =>
      decodeBounded(native, payload, at, dtype, references),
    stateOf: (values) => stateOf(native, values),
    describe(payload) {
      checkBytes('payload', payload);
      try {
        return native.describe(payload);
      } catch (error) {
        throw fromNative(error, 'describe');
      }
    },
    modelOf: (payload) => modelOf(native, payload),
    crc32(bytes) {
      checkBytes('bytes', bytes);
      return native.crc32(bytes);
    },
    setThreads(count) {
      if (!Number.isInteger(count) || count < 1 || count > 1024) {
        fail('threads', 'a whole number from 1 to 1024', count);
      }
      native.setThreads(count);
    },
    threads: () => native.threads(),
    instructionSet: () => native.instructionSet(),
    useDevice(name, memory = 0) {
      if (!Number.isSafeInteger(memory) || memory < 0)
        fail('device memory', 'a whole number of bytes', memory);
      try {
        return native.useDevice(name, memory);
      } catch (error) {
        throw fromNative(error, 'device');
      }
    },
  };
}

async function encode(native: NativeAddon, request: EncodeRequest): Promise<EncodeResult> {
  checkEncode(request);
  const { signal, onProgress } = request;
  const cancelled = () => new GaussituError('CANCELLED', 'encode', { cause: signal?.reason });
  if (signal?.aborted) throw cancelled();

  let thrown: { error: unknown } | undefined; // by the caller's onProgress
  const watch = onProgress
    ? (progress: Parameters<typeof onProgress>[0]) => {
        if (thrown || signal?.aborted) return;
        try {
          onProgress(progress);
        } catch (error) {
          thrown = { error };
          job.cancel();
        }
      }
    : undefined;
  const job = start(
    () =>
      native.encode(
        {
          ...nativeMesh(request.mesh, request.association, request.ghost),
          ...request.target,
          data: request.data,
          dtype: request.dtype,
          components: request.components ?? 1,
          component: request.component ?? 0,
          optimiser: request.optimiser === 'adam' ? 1 : 0,
          iterations: request.iterations,
          seconds: request.seconds,
          // An empty previous payload is the same as none.
          previous: request.previous?.byteLength ? request.previous : undefined,
          mayRefer: request.mayRefer ?? false,
        },
        watch,
      ),
    'encode',
  );
  signal?.addEventListener('abort', job.cancel, { once: true });
  try {
    return await job.promise;
  } catch (error) {
    if (thrown) throw thrown.error;
    throw signal?.aborted ? cancelled() : fromNative(error, 'encode');
  } finally {
    signal?.removeEventListener('abort', job.cancel);
  }
}

/** A native job to its end, with errors of the family. */
async function run<T>(what: string, begin: () => NativeJob<T>): Promise<T> {
  try {
    return await start(begin, what).promise;
  } catch (error) {
    throw fromNative(error, what);
  }
}

async function decode(
  native: NativeAddon,
  model: Uint8Array | OpenModel,
  at: DecodeAt,
  dtype: 'f32' | 'f64',
  gradient: boolean,
): Promise<Decoded> {
  if (typeof model !== 'object' || ArrayBuffer.isView(model)) checkBytes('payload', model);
  checkDtype(dtype);
  const { mesh, association, ghost, box } = placeOf(at);
  checkMesh(mesh, association, ghost);
  if (box) checkIndexBox(box);
  const edges = box && [0, 1, 2].flatMap((k) => [box.first[k] ?? 0, box.last[k] ?? 0]);
  return run('decode', () =>
    native.decode(model, { ...nativeMesh(mesh, association, ghost), dtype, box: edges, gradient }),
  );
}

type Place = Extract<DecodeAt, { mesh: Mesh }>;

function placeOf(at: DecodeAt): Place {
  if (typeof at !== 'object' || at === null) fail('at', 'an object with mesh, points or grid', at);
  if ('mesh' in at) return at;
  if ('points' in at) return { mesh: { kind: 'points', points: at.points }, association: 'node' };
  if ('grid' in at) return { mesh: { kind: 'uniform', ...at.grid }, association: 'node' };
  return fail('at', 'an object with mesh, points or grid', at);
}

/** Starts a native job; what it throws at once is of the family too. */
function start<T>(begin: () => NativeJob<T>, what: string): NativeJob<T> {
  try {
    return begin();
  } catch (error) {
    throw fromNative(error, what);
  }
}

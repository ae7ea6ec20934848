import { GaussituError } from '../errors.js';
import type { Mesh } from '../protocol/mesh.js';
import { checkBoundTarget, checkBytes, checkDtype, checkMesh, checkValues, fail } from './check.js';
import { fromNative, type NativeAddon, type NativeHandle } from './native.js';
import { nativeMesh } from './native_mesh.js';
import type {
  BoundedDecoded,
  BoundedPlace,
  BoundedReferences,
  BoundedRequest,
  BoundedResult,
  FieldState,
} from './types.js';

/** Layouts (neighbours of scattered points, lattice order) are built once per mesh object and association. */
const layouts = new WeakMap<Mesh, Map<string, Promise<NativeHandle>>>();

/** As native/core/bounded/model_layer.hpp has them. */
const NAMED_SHARES = { auto: -1, best: -2 };

/** See Codec.encodeBounded. */
export async function encodeBounded(native: NativeAddon, request: BoundedRequest): Promise<BoundedResult> {
  checkDtype(request.dtype);
  checkValues(request);
  const { target, fills = [], guess, signal, modelShare = 0, previousModel } = request;
  checkBoundTarget(target);
  if (guess !== undefined && !(guess > 0)) fail('guess', 'a number above 0', guess);
  const named = typeof modelShare === 'number' ? undefined : NAMED_SHARES[modelShare];
  const share = named ?? Number(modelShare);
  if (named === undefined && !(share >= 0 && share <= 1)) {
    fail('modelShare', "'auto', 'best' or a number from 0 to 1", modelShare);
  }
  if (previousModel !== undefined) checkBytes('previousModel', previousModel);
  return run('encodeBounded', async () => {
    const layout = await layoutOf(native, request);
    if (signal?.aborted) throw new GaussituError('CANCELLED', 'encodeBounded', { cause: signal.reason });
    return native.encodeBounded({
      layout,
      data: request.data,
      dtype: request.dtype,
      components: request.components ?? 1,
      component: request.component ?? 0,
      ...target,
      ...(guess !== undefined && { guess }),
      fills: [...fills],
      modelShare: share,
      ...(previousModel?.byteLength && { previousModel }),
      ...lists(request),
    }).promise;
  });
}

/** See Codec.decodeBounded. */
export async function decodeBounded(
  native: NativeAddon,
  payload: Uint8Array,
  at: BoundedPlace,
  dtype: 'f32' | 'f64',
  references: BoundedReferences,
): Promise<BoundedDecoded> {
  checkBytes('payload', payload);
  checkDtype(dtype);
  return run('decodeBounded', async () => {
    const layout = await layoutOf(native, at);
    return native.decodeBounded({ layout, payload, dtype, ...lists(references) }).promise;
  });
}

/** See Codec.stateOf. */
export function stateOf(native: NativeAddon, values: Float32Array | Float64Array): FieldState {
  if (!(values instanceof Float32Array || values instanceof Float64Array)) {
    fail('values', 'a Float32Array or Float64Array', values);
  }
  return native.state(values);
}

/** See Codec.modelOf. */
export function modelOf(native: NativeAddon, payload: Uint8Array): Uint8Array {
  checkBytes('payload', payload);
  try {
    const { begin, bytes } = native.modelOf(payload);
    return payload.subarray(begin, begin + bytes);
  } catch (error) {
    throw fromNative(error, 'modelOf');
  }
}

function layoutOf(native: NativeAddon, at: BoundedPlace): Promise<NativeHandle> {
  if (!('mesh' in at)) return native.layout({ values: at.values }).promise;
  const { mesh, association, ghost } = at;
  checkMesh(mesh, association, ghost);
  const key = `${association} ${ghost?.join() ?? ''}`;
  let ofMesh = layouts.get(mesh);
  if (!ofMesh) layouts.set(mesh, (ofMesh = new Map<string, Promise<NativeHandle>>()));
  let layout = ofMesh.get(key);
  if (!layout) ofMesh.set(key, (layout = native.layout(nativeMesh(mesh, association, ghost)).promise));
  return layout;
}

function lists({ earlier = [], siblings = [] }: BoundedReferences) {
  return {
    earlier: earlier as unknown as NativeHandle[],
    siblings: siblings as unknown as NativeHandle[],
  };
}

async function run<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw fromNative(error, what);
  }
}

import { GaussituError } from '../errors.js';
import type { Mesh } from '../protocol/mesh.js';
import { checkBytes, checkDtype, checkMesh, checkValues, fail } from './check.js';
import { fromNative, type NativeAddon, type NativeHandle } from './native.js';
import { nativeMesh } from './native_mesh.js';
import type {
  BoundedDecoded,
  BoundedPlace,
  BoundedReferences,
  BoundedRequest,
  BoundedResult,
} from './types.js';

/** Layouts (neighbours of scattered points, lattice order) are built once per mesh object and association. */
const layouts = new WeakMap<Mesh, Map<string, Promise<NativeHandle>>>();

/** See Codec.encodeBounded. */
export async function encodeBounded(native: NativeAddon, request: BoundedRequest): Promise<BoundedResult> {
  checkDtype(request.dtype);
  checkValues(request);
  const { target, fills = [], signal } = request;
  const bound = 'abs' in target ? target.abs : target.rel;
  if (typeof bound !== 'number' || !(bound >= 0) || !Number.isFinite(bound)) {
    fail('target', '{ abs } or { rel } with a finite number of at least 0', target);
  }
  return run('encodeBounded', async () => {
    const layout = await layoutOf(native, request);
    if (signal?.aborted) throw new GaussituError('CANCELLED', 'encodeBounded', { cause: signal.reason });
    return native.encodeBounded({
      layout,
      data: request.data,
      dtype: request.dtype,
      components: request.components ?? 1,
      component: request.component ?? 0,
      ...('abs' in target ? { abs: target.abs } : { rel: target.rel }),
      fills: [...fills],
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

import { GaussituError } from '../errors.js';
import type { Association } from '../protocol/field.js';
import type { GhostLayers, Mesh } from '../protocol/mesh.js';
import type { BoundedRequest, EncodeRequest, EncodeTarget, IndexBox } from './types.js';

/** Names a value the way it would be written, with its type: "-1 of type number". */
export function shown(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (ArrayBuffer.isView(value)) return `${value.constructor.name} of ${value.byteLength} bytes`;
  if (Array.isArray(value)) return `[${value.map(String).join(', ')}]`;
  if (typeof value === 'object') return `{${Object.keys(value).join(', ')}}`;
  const text = typeof value === 'function' ? value.name || 'anonymous' : `${value as string | number}`;
  return `${text} of type ${typeof value}`;
}

export function fail(name: string, expected: string, received: unknown, hint?: string): never {
  throw new GaussituError('INVALID_ARGUMENT', name, { expected, received: shown(received), hint });
}

function isView(value: unknown): value is NodeJS.ArrayBufferView<ArrayBuffer> {
  return ArrayBuffer.isView(value) && value.buffer instanceof ArrayBuffer;
}

export function checkBytes(name: string, value: unknown): asserts value is Uint8Array {
  if (!isView(value) || !(value instanceof Uint8Array)) {
    fail(name, 'a Uint8Array or Buffer (not over shared memory)', value);
  }
}

function checkCoordinates(name: string, value: unknown): void {
  if (!isView(value) || !(value instanceof Float32Array || value instanceof Float64Array)) {
    fail(name, 'a Float32Array or Float64Array', value);
  }
}

function checkIndices(name: string, value: unknown): void {
  if (!isView(value) || !(value instanceof Int32Array || value instanceof BigInt64Array)) {
    fail(name, 'an Int32Array or BigInt64Array', value);
  }
}

function checkNumbers(
  name: string,
  value: unknown,
  count: number,
  good: (x: number) => boolean,
  what: string,
) {
  if (
    !Array.isArray(value) ||
    value.length !== count ||
    !value.every((x) => typeof x === 'number' && good(x))
  ) {
    fail(name, `${count} ${what}`, value);
  }
}

const isCount = (least: number) => (x: number) => Number.isInteger(x) && x >= least && x < 2 ** 32;

/** Types and shapes; that array lengths and indices fit together is checked natively, where it is fast. */
export function checkMesh(mesh: Mesh, association: Association, ghost?: GhostLayers): void {
  if (typeof mesh !== 'object' || mesh === null) fail('mesh', 'an object', mesh);
  if (association !== 'node' && association !== 'cell') fail('association', "'node' or 'cell'", association);
  switch (mesh.kind) {
    case 'uniform':
      checkNumbers('mesh.origin', mesh.origin, 3, Number.isFinite, 'finite numbers');
      checkNumbers('mesh.spacing', mesh.spacing, 3, Number.isFinite, 'finite numbers');
      break;
    case 'rectilinear':
      checkCoordinates('mesh.x', mesh.x);
      checkCoordinates('mesh.y', mesh.y);
      checkCoordinates('mesh.z', mesh.z);
      break;
    case 'unstructured':
      checkIndices('mesh.connectivity', mesh.connectivity);
      checkIndices('mesh.offsets', mesh.offsets);
      checkBytes('mesh.types', mesh.types);
      checkCoordinates('mesh.points', mesh.points);
      break;
    case 'curvilinear':
    case 'points':
      checkCoordinates('mesh.points', mesh.points);
      break;
    default:
      fail(
        'mesh.kind',
        'uniform, rectilinear, curvilinear, unstructured or points',
        (mesh as { kind: unknown }).kind,
      );
  }
  if ('dims' in mesh) checkNumbers('mesh.dims', mesh.dims, 3, isCount(0), 'whole numbers');
  if (ghost !== undefined) checkNumbers('ghost', ghost, 6, isCount(0), 'whole numbers');
}

/** That it lies within its grid is checked natively. */
export function checkIndexBox(box: IndexBox): void {
  if (typeof box !== 'object' || box === null) fail('box', 'an object with first and last', box);
  checkNumbers('box.first', box.first, 3, isCount(0), 'whole numbers');
  checkNumbers('box.last', box.last, 3, isCount(0), 'whole numbers');
}

export function checkDtype(dtype: unknown): asserts dtype is 'f32' | 'f64' {
  if (dtype !== 'f32' && dtype !== 'f64') {
    fail('dtype', "'f32' or 'f64'", dtype, 'integer fields are stored losslessly, not modelled');
  }
}

function checkTarget(target: EncodeTarget): void {
  const keys = typeof target === 'object' && target !== null ? Object.keys(target) : [];
  const key = keys[0];
  if (keys.length !== 1 || (key !== 'bytes' && key !== 'psnr' && key !== 'gaussians')) {
    fail('target', 'exactly one of bytes, psnr, gaussians', target);
  }
  const value = (target as Record<string, unknown>)[key];
  const [most, whole] = key === 'psnr' ? [200, false] : key === 'bytes' ? [2 ** 32, true] : [2 ** 24, true];
  if (typeof value !== 'number' || !(value > 0 && value <= most) || (whole && !Number.isInteger(value))) {
    fail(`target.${key}`, `a ${whole ? 'whole ' : ''}number above 0, at most ${most}`, value);
  }
}

export function checkBoundTarget(target: BoundedRequest['target']): void {
  const entries: [string, unknown][] = typeof target === 'object' && target ? Object.entries(target) : [];
  const [key, value] = entries[0] ?? [];
  const good: Record<string, (x: number) => boolean> = {
    abs: (x) => x >= 0,
    rel: (x) => x >= 0,
    pwRel: (x) => x > 0 && x < 1,
    bytes: (x) => x > 0 && x <= 2 ** 32 && Number.isInteger(x),
    psnr: (x) => x > 0 && x <= 300,
  };
  if (
    entries.length !== 1 ||
    typeof value !== 'number' ||
    !Number.isFinite(value) ||
    !good[key ?? '']?.(value)
  ) {
    fail(
      'target',
      '{ abs } or { rel } of at least 0, { pwRel } between 0 and 1, { bytes } or { psnr } above 0',
      target,
    );
  }
}

/** `data`, its type and its components. */
export function checkValues(
  request: Pick<EncodeRequest, 'data' | 'dtype' | 'components' | 'component'>,
): void {
  const { components = 1, component = 0 } = request;
  checkDtype(request.dtype);
  checkBytes('data', request.data);
  if (!isCount(1)(components)) fail('components', 'a whole number above 0', components);
  if (!isCount(0)(component) || component >= components) {
    fail('component', `a whole number from 0 to ${components - 1}`, component);
  }
  if (request.data.byteLength % (components * (request.dtype === 'f32' ? 4 : 8)) !== 0) {
    fail('data', `a whole number of values of ${components} ${request.dtype}`, request.data);
  }
}

export function checkEncode(request: EncodeRequest): void {
  if (typeof request !== 'object' || request === null) fail('request', 'an object', request);
  checkMesh(request.mesh, request.association, request.ghost);
  checkValues(request);
  checkTarget(request.target);
  const { optimiser, iterations, seconds, previous } = request;
  if (optimiser !== undefined && optimiser !== 'lm' && optimiser !== 'adam') {
    fail('optimiser', "'lm' or 'adam'", optimiser);
  }
  if (iterations !== undefined && !(isCount(1)(iterations) && iterations <= 1e6)) {
    fail('iterations', 'a whole number from 1 to 1000000', iterations);
  }
  if (seconds !== undefined && !(typeof seconds === 'number' && seconds > 0 && Number.isFinite(seconds))) {
    fail('seconds', 'a finite number above 0', seconds);
  }
  if (previous !== undefined) checkBytes('previous', previous);
  const { onProgress, signal } = request;
  if (onProgress !== undefined && typeof onProgress !== 'function')
    fail('onProgress', 'a function', onProgress);
  if (signal !== undefined && !(signal instanceof AbortSignal)) fail('signal', 'an AbortSignal', signal);
}

import { closeSync, openSync, readSync } from 'node:fs';
import type { File, Metadata } from 'h5wasm/node';
import { GaussituError } from '../errors.js';
import { describeFailure } from '../hdf5/module.js';
import type { Dtype } from '../protocol/field.js';

export interface DatasetInfo {
  /** Absolute path in the file. */
  path: string;
  /** Slowest axis first. */
  shape: number[];
  dtype: Dtype;
}

type Library = typeof import('h5wasm/node');

/** Any HDF5 file on disk, read in place: only what is asked for is in memory. Every failure is INVALID_INPUT. */
export class Hdf5File {
  private readonly known = new Map<string, Set<string>>();

  private constructor(
    readonly path: string,
    private readonly file: File,
    private readonly h5: Library,
  ) {}

  static async open(path: string): Promise<Hdf5File> {
    requireSignature(path);
    const h5 = await import('h5wasm/node'); // 0.3 s that other commands need not pay
    (await h5.ready).activate_throwing_error_handler();
    return guard(path, () => new Hdf5File(path, new h5.File(path, 'r'), h5));
  }

  /** All numeric datasets, in path order; others are left out. */
  datasets(under = '/'): DatasetInfo[] {
    return guard(this.path, () => {
      const group = this.file.get(under);
      if (!(group instanceof this.h5.Group)) return [];
      return group.paths().flatMap((name) => {
        const path = `${under === '/' ? '' : under}/${name.replace(/^\//, '')}`;
        const found = this.find(path);
        return found ? [found] : [];
      });
    });
  }

  find(path: string): DatasetInfo | undefined {
    return guard(this.path, () => {
      const entity = this.has(path) ? this.file.get(path) : null;
      if (!(entity instanceof this.h5.Dataset)) return undefined;
      const { shape } = entity.metadata;
      const dtype = dtypeOf(entity.metadata);
      return shape && dtype ? { path, shape, dtype } : undefined;
    });
  }

  has(path: string): boolean {
    const slash = path.lastIndexOf('/');
    return (
      path === '/' || (slash >= 0 && this.members(path.slice(0, slash) || '/').has(path.slice(slash + 1)))
    );
  }

  /** Names in a group; empty when it is none. A file of thousands of datasets is listed once. */
  private members(group: string): Set<string> {
    let names = this.known.get(group);
    if (!names) {
      const entity = this.has(group) ? this.file.get(group) : null;
      names = new Set(entity instanceof this.h5.Group ? entity.keys() : []);
      this.known.set(group, names);
    }
    return names;
  }

  /** Numbers of an attribute, or its text; undefined when it is not there or of another kind. */
  attribute(path: string, name: string): number[] | string | undefined {
    return guard(this.path, () => {
      const entity = this.has(path) ? this.file.get(path) : null;
      if (!(entity instanceof this.h5.Dataset || entity instanceof this.h5.Group) || !(name in entity.attrs))
        return undefined;
      const value = entity.attrs[name]?.json_value;
      if (typeof value === 'string') return value.replace(/[\0 ]+$/, '');
      if (typeof value === 'number') return [value];
      if (Array.isArray(value) && value.every((v) => typeof v === 'number')) return value;
      return Array.isArray(value) && typeof value[0] === 'string' ? value[0] : undefined;
    });
  }

  numbers(path: string, name: string, count: number): number[] | undefined {
    const value = this.attribute(path, name);
    return Array.isArray(value) && value.length === count ? value : undefined;
  }

  /** Rows [from, to) along the first axis, or everything, as little-endian bytes. */
  read(path: string, rows?: readonly [number, number]): Uint8Array {
    return guard(this.path, () => {
      const dataset = this.file.get(path);
      if (!(dataset instanceof this.h5.Dataset)) throw new Error(`${path} is not a dataset`);
      const first = dataset.shape?.[0] ?? 0;
      if (rows && (rows[0] < 0 || rows[1] > first || rows[0] > rows[1])) {
        throw new Error(`${path} has ${first} rows, rows ${rows[0]} to ${rows[1]} are asked for`);
      }
      if (dataset.shape?.includes(0) || (rows && rows[0] === rows[1])) return new Uint8Array();
      const value = rows && dataset.shape?.length ? dataset.slice([[rows[0], rows[1]]]) : dataset.value;
      const view = typeof value === 'number' ? scalar(value, dtypeOf(dataset.metadata)) : value;
      if (!ArrayBuffer.isView(view)) throw new Error(`${path} does not hold an array of numbers`);
      // HDF5 has converted to the machine's byte order, whatever the file's.
      return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
    });
  }

  /** As `read`, as plain numbers: for short datasets. */
  values(path: string, rows?: readonly [number, number]): number[] {
    const info = this.find(path);
    if (!info) throw invalid(this.path, `${path} is missing`);
    return [...typed(this.read(path, rows), info.dtype)].map(Number);
  }

  close(): void {
    try {
      this.file.close();
    } catch {
      // A damaged file may not even close; nothing was written to it.
    }
  }
}

export function invalid(file: string, message: string, cause?: unknown): GaussituError {
  return new GaussituError('INVALID_INPUT', `${file}: ${message}`, { cause });
}

export function typed(bytes: Uint8Array, dtype: Dtype) {
  const own = bytes.byteOffset % 8 === 0 ? bytes : new Uint8Array(bytes);
  const buffer = own.buffer as ArrayBuffer;
  const view = <T>(array: new (b: ArrayBuffer, o: number, n: number) => T, size: number) =>
    new array(buffer, own.byteOffset, own.length / size);
  switch (dtype) {
    case 'f32':
      return view(Float32Array, 4);
    case 'f64':
      return view(Float64Array, 8);
    case 'i8':
      return view(Int8Array, 1);
    case 'u8':
      return view(Uint8Array, 1);
    case 'i16':
      return view(Int16Array, 2);
    case 'u16':
      return view(Uint16Array, 2);
    case 'i32':
      return view(Int32Array, 4);
    case 'u32':
      return view(Uint32Array, 4);
    case 'i64':
      return view(BigInt64Array, 8);
    default:
      return view(BigUint64Array, 8);
  }
}

function dtypeOf({ type, size, signed }: Metadata): Dtype | undefined {
  if (type === 1) return size === 4 ? 'f32' : size === 8 ? 'f64' : undefined;
  if (type !== 0 || ![1, 2, 4, 8].includes(size)) return undefined;
  return `${signed ? 'i' : 'u'}${size * 8}` as Dtype;
}

function scalar(value: number, dtype: Dtype | undefined): ArrayBufferView {
  return dtype === 'f32'
    ? Float32Array.of(value)
    : dtype === 'f64'
      ? Float64Array.of(value)
      : Int32Array.of(value);
}

/** HDF5 itself may crash on what never was HDF5; a look at the first bytes is cheap. */
function requireSignature(path: string): void {
  const head = Buffer.alloc(8);
  let handle: number;
  try {
    handle = openSync(path, 'r');
  } catch (error) {
    throw new GaussituError('NOT_FOUND', `${path} cannot be opened`, {
      received: error instanceof Error ? error.message : String(error),
      cause: error,
    });
  }
  try {
    // A user block of 512, 1024 ... bytes may come first.
    for (let offset = 0; offset < 1 << 20; offset = offset === 0 ? 512 : offset * 2) {
      if (readSync(handle, head, 0, 8, offset) < 8) break;
      if (head.toString('latin1') === '\x89HDF\r\n\x1a\n') return;
    }
  } catch (error) {
    throw invalid(path, 'cannot be read', error);
  } finally {
    closeSync(handle);
  }
  throw invalid(path, 'is not an HDF5 file');
}

function guard<T>(path: string, use: () => T): T {
  try {
    return use();
  } catch (error) {
    if (error instanceof GaussituError) throw error;
    throw invalid(path, describeFailure(error), error);
  }
}

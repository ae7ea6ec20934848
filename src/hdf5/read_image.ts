import { GaussituError } from '../errors.js';
import { describeFailure, hdf5, noteFailure, withMemory, type Hdf5 } from './module.js';
import { closeQuietly, openFile, unlinkQuietly, type TypedArray } from './write_image.js';

/** What a reader may ask of an HDF5 file that is held in memory. Every array is a copy. */
export interface Image {
  /** Names of a group's members, in HDF5's order (by name). */
  names(group: string): string[];
  hasAttribute(path: string, attribute: string): boolean;
  text(path: string, attribute: string): string;
  /** A scalar number attribute. */
  number(path: string, attribute: string): number;
  dataset(path: string): { shape: number[]; data: TypedArray };
}

let serial = 0;

/**
 * Opens `bytes` as HDF5, hands it to `use`, closes it. Whatever goes wrong inside, including the death of the
 * WebAssembly instance, comes out as CORRUPT_STREAM that names `label`.
 */
export async function readImage<T>(bytes: Uint8Array, label: string, use: (image: Image) => T): Promise<T> {
  const module = await hdf5();
  const path = `/read-${++serial}.h5`;
  let file: bigint | undefined;
  try {
    module.FS.writeFile(path, bytes);
    file = openFile(module, path, module.H5F_ACC_RDONLY);
    return use(new OpenImage(module, file, bytes.length));
  } catch (error) {
    if (!(error instanceof GaussituError)) noteFailure(error);
    if (error instanceof GaussituError && error.code !== 'CORRUPT_STREAM') throw error;
    throw new GaussituError('CORRUPT_STREAM', `${label} is damaged or not a file of ours`, {
      received: describeFailure(error),
      cause: error,
    });
  } finally {
    if (file !== undefined) closeQuietly(module, file);
    unlinkQuietly(module, path);
  }
}

class OpenImage implements Image {
  constructor(
    private readonly module: Hdf5,
    private readonly file: bigint,
    private readonly imageBytes: number,
  ) {}

  names(group: string): string[] {
    return this.module.get_names(this.file, group, false);
  }

  hasAttribute(path: string, attribute: string): boolean {
    return this.module.get_attribute_names(this.file, path).includes(attribute);
  }

  text(path: string, attribute: string): string {
    const metadata = this.module.get_attribute_metadata(this.file, path, attribute);
    if (metadata.type !== 3 || metadata.vlen || metadata.total_size !== 1) {
      throw corrupt(`attribute ${attribute} of ${path} is not a fixed-length string`);
    }
    const bytes = this.fetch(metadata.size, this.imageBytes, (p) =>
      this.module.get_attribute_data(this.file, path, attribute, p),
    );
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes).replace(/[\0 ]+$/, '');
  }

  number(path: string, attribute: string): number {
    const metadata = this.module.get_attribute_metadata(this.file, path, attribute);
    if ((metadata.type !== 0 && metadata.type !== 1) || metadata.total_size !== 1) {
      throw corrupt(`attribute ${attribute} of ${path} is not a number`);
    }
    const bytes = this.fetch(metadata.size, 8, (p) =>
      this.module.get_attribute_data(this.file, path, attribute, p),
    );
    return Number(toTyped(bytes, metadata)[0]);
  }

  dataset(path: string): { shape: number[]; data: TypedArray } {
    const metadata = this.module.get_dataset_metadata(this.file, path);
    if (metadata.shape === null || (metadata.type !== 0 && metadata.type !== 1) || !metadata.littleEndian) {
      throw corrupt(`dataset ${path} does not hold little-endian numbers`);
    }
    // Deflate packs at most about 1000:1, anything contiguous is no longer than the file.
    const limit = metadata.chunks ? this.imageBytes * 1032 : this.imageBytes;
    const total = metadata.size * metadata.shape.reduce((a, b) => a * b, 1);
    const bytes = this.fetch(total, limit, (p) =>
      this.module.get_dataset_data(this.file, path, null, null, null, p),
    );
    return { shape: metadata.shape, data: toTyped(bytes, metadata) };
  }

  private fetch(size: number, limit: number, read: (pointer: bigint) => number): Uint8Array {
    if (!(size >= 0 && size <= limit))
      throw corrupt(`${size} bytes announced, at most ${limit} are possible`);
    if (size === 0) return new Uint8Array();
    return withMemory(this.module, size, (pointer) => {
      if (read(BigInt(pointer)) < 0) throw corrupt('data could not be read');
      return this.module.HEAPU8.slice(pointer, pointer + size);
    });
  }
}

function corrupt(message: string): GaussituError {
  return new GaussituError('CORRUPT_STREAM', message);
}

/** `bytes` must own its buffer. */
function toTyped(bytes: Uint8Array, of: { type: number; size: number; signed: boolean }): TypedArray {
  const buffer = bytes.buffer as ArrayBuffer;
  if (of.type === 1) {
    if (of.size === 4) return new Float32Array(buffer);
    if (of.size === 8) return new Float64Array(buffer);
  } else {
    if (of.size === 1) return of.signed ? new Int8Array(buffer) : bytes;
    if (of.size === 2) return of.signed ? new Int16Array(buffer) : new Uint16Array(buffer);
    if (of.size === 4) return of.signed ? new Int32Array(buffer) : new Uint32Array(buffer);
    if (of.size === 8) return of.signed ? new BigInt64Array(buffer) : new BigUint64Array(buffer);
  }
  throw corrupt(`numbers of ${of.size} bytes are not known`);
}

import { readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { GaussituError } from '../errors.js';
import { DTYPE_BYTES, type Association, type FieldBlock } from '../protocol/field.js';
import type { Coordinates, Indices, Mesh, MeshBlock } from '../protocol/mesh.js';
import { RAW_DTYPES, fileName, parseMeta, type RawMeta } from './raw_meta.js';
import { selectFields, selectSteps } from './select.js';
import type { Input, InputField, InputOptions } from './types.js';

const MESH = 'mesh';
/** Nodes of the linear VTK cells whose connectivity needs no offsets. */
const VTK_NODES: Record<number, number> = { 1: 1, 3: 2, 5: 3, 8: 4, 9: 4, 10: 4, 11: 8, 12: 8, 13: 6, 14: 5 };

/** A folder of raw little-endian arrays with a meta.json. Throws INVALID_INPUT, NOT_FOUND. */
export async function openRaw(folder: string, options: InputOptions): Promise<Input> {
  const path = join(folder, 'meta.json');
  return new RawInput(folder, parseMeta(await readFile(path, 'utf8'), path), options);
}

class RawInput implements Input {
  readonly kind = 'raw';
  readonly name: string;
  readonly steps: number[];
  readonly fields: InputField[];
  /** Of all steps that the folder has. */
  private readonly numbers: readonly number[];
  private readonly association: Association;
  private blocks: Promise<MeshBlock[]> | undefined;

  constructor(
    readonly path: string,
    private readonly meta: RawMeta,
    options: InputOptions,
  ) {
    const { units } = meta;
    this.name = meta.case ?? basename(resolve(path));
    this.association = meta.association === 'cell' ? 'cell' : 'node';
    this.numbers = meta.step_numbers ?? Array.from({ length: meta.steps }, (_, i) => i);
    this.steps = selectSteps([...this.numbers], options.steps);
    const all = meta.fields.map((name): InputField => {
      const unit = typeof units === 'object' ? units[name] : undefined;
      return {
        name,
        mesh: MESH,
        association: this.association,
        dtype: RAW_DTYPES[meta.dtype],
        components: meta.components[name] ?? 1,
        ...(unit === undefined ? {} : { units: unit }),
      };
    });
    this.fields = selectFields(all, options.fields);
  }

  time(step: number): number {
    return this.meta.times?.[this.numbers.indexOf(step)] ?? step;
  }

  has(step: number, field: string): boolean {
    return this.numbers.includes(step) && this.fields.some((f) => f.name === field);
  }

  async mesh(): Promise<readonly MeshBlock[]> {
    const { ghost } = this.meta;
    this.blocks ??= this.readMesh().then((mesh) => [{ name: MESH, block: 0, mesh, ...(ghost && { ghost }) }]);
    return this.blocks;
  }

  async readField(step: number, field: string): Promise<FieldBlock[]> {
    const info = this.fields.find((f) => f.name === field);
    if (!info || !this.has(step, field)) {
      throw new GaussituError('NOT_FOUND', `${this.path} has no field ${field} at step ${step}`);
    }
    const name = fileName(this.meta.file_pattern, field, this.numbers.indexOf(step));
    const values = await this.valueCount();
    const bytes = await this.load(name, values * info.components * DTYPE_BYTES[info.dtype]);
    const { fill_value: fill } = this.meta;
    return [
      {
        step,
        time: this.time(step),
        field,
        block: 0,
        ...pick(info),
        data: bytes,
        ...(fill !== undefined && { fill }),
      },
    ];
  }

  close(): void {
    this.blocks = undefined;
  }

  private async valueCount(): Promise<number> {
    const { dims } = this.meta;
    if (dims) return dims.reduce((n, d) => n * (this.association === 'cell' ? Math.max(d - 1, 1) : d), 1);
    const mesh = (await this.mesh())[0]?.mesh;
    if (mesh?.kind === 'unstructured' && this.association === 'cell') return mesh.types.length;
    return mesh && 'points' in mesh ? mesh.points.length / 3 : 0;
  }

  private async readMesh(): Promise<Mesh> {
    const { dims, origin, spacing, coords_file: coords } = this.meta;
    if (!coords) return { kind: 'uniform', dims: dims ?? [1, 1, 1], origin, spacing };
    const points = floats(await this.load(coords), this.meta.coords_dtype);
    if (dims) {
      this.expect(coords, points.length, 3 * dims[0] * dims[1] * dims[2]);
      return { kind: 'curvilinear', dims, points };
    }
    if (!this.meta.connectivity_file) return { kind: 'points', points };
    return this.readCells(points, this.meta.connectivity_file);
  }

  private async readCells(points: Coordinates, name: string): Promise<Mesh> {
    const { connectivity_dtype: dtype, offsets_file: offsetsFile, cell_types_file: typesFile } = this.meta;
    const connectivity = integers(await this.load(name), dtype);
    if (offsetsFile && typesFile) {
      const types = await this.load(typesFile);
      const offsets = integers(await this.load(offsetsFile), dtype);
      this.expect(offsetsFile, offsets.length, types.length + 1);
      return { kind: 'unstructured', points, connectivity, offsets, types };
    }
    const kinds = Object.keys(this.meta.cell_types ?? {}).map(Number);
    const nodes = VTK_NODES[kinds[0] ?? -1];
    if (kinds.length !== 1 || !nodes || connectivity.length % nodes !== 0) {
      throw new GaussituError('INVALID_INPUT', `${this.path}/meta.json`, {
        expected: 'offsets_file and cell_types_file, or cell_types with exactly one linear VTK type',
        received: `cell_types ${JSON.stringify(this.meta.cell_types ?? {})}, ${connectivity.length} indices`,
      });
    }
    const cells = connectivity.length / nodes;
    const offsets =
      connectivity instanceof Int32Array
        ? Int32Array.from({ length: cells + 1 }, (_, i) => i * nodes)
        : BigInt64Array.from({ length: cells + 1 }, (_, i) => BigInt(i * nodes));
    return {
      kind: 'unstructured',
      points,
      connectivity,
      offsets,
      types: new Uint8Array(cells).fill(kinds[0]!),
    };
  }

  private async load(name: string, bytes?: number): Promise<Uint8Array> {
    const path = join(this.path, name);
    let data: Uint8Array;
    try {
      data = await readFile(path);
    } catch (error) {
      const packed = this.meta.packed[name];
      throw new GaussituError('NOT_FOUND', `${path} cannot be read`, {
        received: error instanceof Error ? error.message : String(error),
        ...(packed
          ? {
              hint: `it is packed: unpack it once beside meta.json (xz -dk ${packed}), in a copy of the folder if need be`,
            }
          : {}),
        cause: error,
      });
    }
    if (bytes !== undefined) this.expect(name, data.length, bytes);
    return data;
  }

  private expect(name: string, received: number, expected: number): void {
    if (received === expected) return;
    throw new GaussituError('INVALID_INPUT', `${join(this.path, name)} does not fit meta.json`, {
      expected: `${expected} bytes or numbers`,
      received: String(received),
    });
  }
}

function pick({ mesh, association, dtype, components, units }: InputField) {
  return { mesh, association, dtype, components, ...(units === undefined ? {} : { units }) };
}

/** A view where alignment allows, else a copy. */
function floats(bytes: Uint8Array, dtype: '<f4' | '<f8'): Coordinates {
  const size = dtype === '<f4' ? 4 : 8;
  const own = bytes.byteOffset % size === 0 ? bytes : new Uint8Array(bytes);
  const [buffer, offset, count] = [own.buffer as ArrayBuffer, own.byteOffset, Math.floor(own.length / size)];
  return size === 4 ? new Float32Array(buffer, offset, count) : new Float64Array(buffer, offset, count);
}

function integers(bytes: Uint8Array, dtype: '<i4' | '<i8'): Indices {
  const buffer = new Uint8Array(bytes).buffer;
  const count = Math.floor(bytes.length / (dtype === '<i4' ? 4 : 8));
  return dtype === '<i4' ? new Int32Array(buffer, 0, count) : new BigInt64Array(buffer, 0, count);
}

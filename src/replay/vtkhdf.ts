import { basename } from 'node:path';
import { GaussituError } from '../errors.js';
import { DTYPE_BYTES, type Association, type FieldBlock } from '../protocol/field.js';
import type { Indices, Mesh, MeshBlock, Triple } from '../protocol/mesh.js';
import { invalid, typed, type Hdf5File } from './hdf5_file.js';
import { selectFields, selectSteps } from './select.js';
import type { Input, InputField, InputOptions } from './types.js';

const ROOT = '/VTKHDF';
const MESH = 'mesh';

/** A VTKHDF file: ImageData or UnstructuredGrid, with or without Steps. Throws INVALID_INPUT, UNSUPPORTED. */
export function openVtkHdf(file: Hdf5File, options: InputOptions): Input {
  const type = file.attribute(ROOT, 'Type');
  if (type === 'ImageData') return new ImageInput(file, options);
  if (type === 'UnstructuredGrid') return new UnstructuredInput(file, options);
  throw new GaussituError('UNSUPPORTED', `${file.path}: VTKHDF type`, {
    expected: 'ImageData or UnstructuredGrid',
    received: String(type),
  });
}

abstract class VtkHdfInput implements Input {
  readonly kind = 'vtkhdf';
  readonly path: string;
  readonly name: string;
  readonly steps: number[];
  readonly fields: InputField[];
  protected readonly temporal: boolean;
  private readonly times: number[];

  constructor(
    protected readonly file: Hdf5File,
    options: InputOptions,
  ) {
    this.path = file.path;
    this.name = basename(file.path).replace(/\.[^.]+$/, '');
    this.temporal = file.has(`${ROOT}/Steps`);
    this.times = this.temporal ? file.values(`${ROOT}/Steps/Values`) : [0];
    const numbers = this.times.map((_, i) => i);
    this.steps = selectSteps(numbers, options.steps);
    const all = [...this.arrays('PointData', 'node'), ...this.arrays('CellData', 'cell')];
    const names = all.map((f) => f.name);
    if (new Set(names).size < names.length) {
      throw invalid(this.path, 'a name is used both in PointData and in CellData: rename one');
    }
    if (all.length === 0) throw invalid(this.path, 'holds no numeric PointData or CellData');
    this.fields = selectFields(all, options.fields);
  }

  time(step: number): number {
    return this.times[step] ?? step;
  }

  has(step: number, field: string): boolean {
    return step < this.times.length && this.fields.some((f) => f.name === field);
  }

  abstract mesh(name: string, step: number): Promise<readonly MeshBlock[]>;

  async readField(step: number, field: string): Promise<FieldBlock[]> {
    const info = this.fields.find((f) => f.name === field);
    if (!info || !this.has(step, field)) {
      throw new GaussituError('NOT_FOUND', `${this.path} has no ${field} at step ${step}`);
    }
    return this.pieces(step, info).map((data, block) => ({
      step,
      time: this.time(step),
      field,
      mesh: MESH,
      block,
      association: info.association,
      dtype: info.dtype,
      components: info.components,
      data,
      ...(info.units === undefined ? {} : { units: info.units }),
    }));
  }

  close(): void {
    this.file.close();
  }

  /** Raw bytes of a field, one array per block. */
  protected abstract pieces(step: number, info: InputField): Uint8Array[];
  /** Components of an array, from its shape in the file. */
  protected abstract componentsOf(shape: number[]): number;

  protected arrayPath(info: InputField): string {
    return `${ROOT}/${info.association === 'node' ? 'PointData' : 'CellData'}/${info.name}`;
  }

  /** Where a field's values of a step begin along the first axis, if the file says so. */
  protected offset(step: number, info: InputField): number | undefined {
    const group = info.association === 'node' ? 'PointDataOffsets' : 'CellDataOffsets';
    return this.stepValue(`${group}/${info.name}`, step);
  }

  protected stepValue(name: string, step: number): number | undefined {
    const path = `${ROOT}/Steps/${name}`;
    return this.temporal && this.file.find(path) ? this.file.values(path, [step, step + 1])[0] : undefined;
  }

  private arrays(group: string, association: Association): InputField[] {
    if (!this.file.has(`${ROOT}/${group}`)) return [];
    return this.file.datasets(`${ROOT}/${group}`).flatMap(({ path, shape, dtype }): InputField[] => {
      const name = path.slice(`${ROOT}/${group}/`.length);
      if (/^vtkGhostType$|^vtkOriginal/.test(name)) return [];
      const components = this.componentsOf(shape);
      if (components < 1 || components > 9) return [];
      return [{ name, mesh: MESH, association, dtype, components }];
    });
  }
}

class ImageInput extends VtkHdfInput {
  private blocks: MeshBlock[] | undefined;

  private get grid(): { dims: Triple; lo: Triple } {
    const e = this.file.numbers(ROOT, 'WholeExtent', 6);
    if (!e) throw invalid(this.path, 'ImageData without WholeExtent');
    const [x0 = 0, x1 = 0, y0 = 0, y1 = 0, z0 = 0, z1 = 0] = e;
    const dims: Triple = [x1 - x0 + 1, y1 - y0 + 1, z1 - z0 + 1];
    if (dims.some((d) => d < 1)) throw invalid(this.path, `WholeExtent ${e.join(' ')} is empty`);
    return { dims, lo: [x0, y0, z0] };
  }

  async mesh(): Promise<readonly MeshBlock[]> {
    if (this.blocks) return this.blocks;
    const direction = this.file.numbers(ROOT, 'Direction', 9);
    if (direction && direction.some((v, i) => Math.abs(v - (i % 4 === 0 ? 1 : 0)) > 1e-9)) {
      throw new GaussituError('UNSUPPORTED', `${this.path}: Direction`, {
        expected: 'the identity',
        received: direction.join(' '),
      });
    }
    const { dims, lo } = this.grid;
    const spacing = (this.file.numbers(ROOT, 'Spacing', 3) ?? [1, 1, 1]) as [number, number, number];
    const origin = (this.file.numbers(ROOT, 'Origin', 3) ?? [0, 0, 0]) as [number, number, number];
    const first: Triple = [
      origin[0] + lo[0] * spacing[0],
      origin[1] + lo[1] * spacing[1],
      origin[2] + lo[2] * spacing[2],
    ];
    this.blocks = [{ name: MESH, block: 0, mesh: { kind: 'uniform', dims, origin: first, spacing } }];
    return this.blocks;
  }

  protected componentsOf(shape: number[]): number {
    const own = this.temporal ? shape.slice(1) : shape;
    return own.length === 3 ? 1 : own.length === 4 ? (own[3] ?? 1) : 0;
  }

  protected pieces(step: number, info: InputField): Uint8Array[] {
    const path = this.arrayPath(info);
    const row = this.offset(step, info) ?? step;
    const data = this.file.read(path, this.temporal ? [row, row + 1] : undefined);
    const { dims } = this.grid;
    const values = dims.reduce((n, d) => n * (info.association === 'cell' ? Math.max(d - 1, 1) : d), 1);
    const expected = values * info.components * DTYPE_BYTES[info.dtype];
    if (data.length !== expected)
      throw invalid(this.path, `${path} has ${data.length} bytes, not ${expected}`);
    return [data];
  }
}

/** Begin and length of one part in the concatenated arrays. */
interface Part {
  points: readonly [number, number];
  cells: readonly [number, number];
  connectivity: readonly [number, number];
  offsets: readonly [number, number];
}

class UnstructuredInput extends VtkHdfInput {
  private current: { key: string; blocks: MeshBlock[] } | undefined;

  async mesh(_name: string, step: number): Promise<readonly MeshBlock[]> {
    const parts = this.parts(step);
    const key = JSON.stringify(parts);
    if (this.current?.key !== key) {
      this.current = {
        key,
        blocks: parts.map((part, block) => ({ name: MESH, block, mesh: this.part(part) })),
      };
    }
    return this.current.blocks;
  }

  protected componentsOf(shape: number[]): number {
    return shape.length === 1 ? 1 : shape.length === 2 ? (shape[1] ?? 1) : 0;
  }

  protected pieces(step: number, info: InputField): Uint8Array[] {
    const node = info.association === 'node';
    const parts = this.parts(step);
    const meshStart = (node ? parts[0]?.points[0] : parts[0]?.cells[0]) ?? 0;
    let at = this.offset(step, info) ?? meshStart;
    return parts.map((part) => {
      const [from, to] = node ? part.points : part.cells;
      const data = this.file.read(this.arrayPath(info), [at, at + to - from]);
      at += to - from;
      return data;
    });
  }

  private parts(step: number): Part[] {
    const counts = (name: string) => this.file.values(`${ROOT}/${name}`);
    const [points, cells, ids] = ['NumberOfPoints', 'NumberOfCells', 'NumberOfConnectivityIds'].map(counts);
    const first = this.stepValue('PartOffsets', step) ?? 0;
    const number = this.stepValue('NumberOfParts', step) ?? (this.temporal ? 1 : (points?.length ?? 0));
    let p = this.stepValue('PointOffsets', step) ?? 0;
    let c = this.stepValue('CellOffsets', step) ?? 0;
    let i = this.stepValue('ConnectivityIdOffsets', step) ?? 0;
    // Offsets has one entry more than cells for every part before this one.
    let o = c + first;
    return Array.from({ length: number }, (_, k): Part => {
      const [np, nc, ni] = [points, cells, ids].map((list) => list?.[first + k]);
      if (np === undefined || nc === undefined || ni === undefined) {
        throw invalid(
          this.path,
          `part ${first + k} is not in NumberOfPoints, NumberOfCells, NumberOfConnectivityIds`,
        );
      }
      const part: Part = {
        points: [p, p + np],
        cells: [c, c + nc],
        connectivity: [i, i + ni],
        offsets: [o, o + nc + 1],
      };
      [p, c, i, o] = [p + np, c + nc, i + ni, o + nc + 1];
      return part;
    });
  }

  private part(part: Part): Mesh {
    const points = typed(this.file.read(`${ROOT}/Points`, part.points), this.dtype('Points'));
    const types = this.file.read(`${ROOT}/Types`, part.cells);
    if (!(points instanceof Float32Array || points instanceof Float64Array) || this.dtype('Types') !== 'u8') {
      throw invalid(this.path, 'Points are not floating point, or Types not uint8');
    }
    const connectivity = this.indices('Connectivity', part.connectivity);
    const offsets = this.indices('Offsets', part.offsets);
    return connectivity.constructor === offsets.constructor
      ? { kind: 'unstructured', points, connectivity, offsets, types }
      : {
          kind: 'unstructured',
          points,
          connectivity: BigInt64Array.from(connectivity, BigInt),
          offsets: BigInt64Array.from(offsets, BigInt),
          types,
        };
  }

  private indices(name: string, rows: readonly [number, number]): Indices {
    const dtype = this.dtype(name);
    const values = typed(this.file.read(`${ROOT}/${name}`, rows), dtype);
    if (values instanceof Int32Array || values instanceof BigInt64Array) return values;
    return BigInt64Array.from(values as ArrayLike<number | bigint>, BigInt);
  }

  private dtype(name: string) {
    const info = this.file.find(`${ROOT}/${name}`);
    if (!info) throw invalid(this.path, `${name} is missing`);
    return info.dtype;
  }
}

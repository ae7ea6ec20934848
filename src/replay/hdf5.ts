import { basename } from 'node:path';
import { GaussituError } from '../errors.js';
import { DTYPE_BYTES, type Dtype, type FieldBlock } from '../protocol/field.js';
import type { Coordinates, Mesh, MeshBlock, Triple } from '../protocol/mesh.js';
import { Hdf5File, invalid, typed } from './hdf5_file.js';
import { parent, placeDatasets, type Place } from './hdf5_layout.js';
import { selectFields, selectSteps } from './select.js';
import type { Input, InputField, InputOptions } from './types.js';

/** An HDF5 file of grids by the rules of hdf5_layout.ts. Throws INVALID_INPUT. */
export function openHdf5(file: Hdf5File, options: InputOptions): Input {
  const places = placeDatasets(file.datasets());
  if (places.length === 0) {
    throw new GaussituError('INVALID_INPUT', `${file.path} holds no fields`, {
      expected: 'numeric datasets of 1 to 4 axes, named as docs/data.md describes',
    });
  }
  return new Hdf5Input(file, places, options);
}

class Hdf5Input implements Input {
  readonly kind = 'hdf5';
  readonly name: string;
  readonly path: string;
  readonly steps: number[];
  readonly fields: InputField[];
  private readonly places = new Map<string, Place>();
  private readonly meshNames = new Map<string, string>();
  private readonly meshes = new Map<string, MeshBlock[]>();
  private readonly times: number[] | undefined;

  constructor(
    private readonly file: Hdf5File,
    places: Place[],
    options: InputOptions,
  ) {
    this.path = file.path;
    this.name = basename(file.path).replace(/\.[^.]+$/, '');
    const fields = new Map<string, InputField>();
    for (const place of places) {
      const geometry = this.geometryKey(place);
      const mesh = this.meshNames.get(geometry) ?? (this.meshNames.size === 0 ? 'mesh' : `mesh_${geometry}`);
      this.meshNames.set(geometry, mesh);
      this.places.set(key(place.step, place.field), place);
      if (fields.has(place.field)) continue;
      const units = file.attribute(place.path, 'units');
      fields.set(place.field, {
        name: place.field,
        mesh,
        association: 'node',
        dtype: file.find(place.path)?.dtype ?? 'f32',
        components: place.components,
        ...(typeof units === 'string' && units !== '' ? { units } : {}),
      });
    }
    this.fields = selectFields([...fields.values()], options.fields);
    const names = new Set(this.fields.map((f) => f.name));
    const steps = new Set(places.filter((p) => names.has(p.field)).map((p) => p.step));
    this.steps = selectSteps(
      [...steps].sort((a, b) => a - b),
      options.steps,
    );
    const times = ['/time', '/times', '/t'].find((path) => file.find(path)?.shape.length === 1);
    this.times = times === undefined ? undefined : file.values(times);
  }

  time(step: number): number {
    const places = this.fields.flatMap((f) => this.places.get(key(step, f.name)) ?? []);
    const row = places[0]?.row;
    if (row !== undefined) return this.times?.[row] ?? step;
    for (const place of places) {
      for (let path = place.path; path !== '/'; path = parent(path)) {
        const time = this.file.numbers(path, 'time', 1)?.[0];
        if (time !== undefined) return time;
      }
    }
    const index = this.steps.indexOf(step);
    return this.times && this.times.length > index ? (this.times[index] ?? step) : step;
  }

  has(step: number, field: string): boolean {
    return this.places.has(key(step, field));
  }

  async mesh(name: string): Promise<readonly MeshBlock[]> {
    const known = this.meshes.get(name);
    if (known) return known;
    const place = [...this.places.values()].find((p) => this.meshNames.get(this.geometryKey(p)) === name);
    if (!place) throw new GaussituError('NOT_FOUND', `${this.path} has no mesh ${name}`);
    const blocks = [{ name, block: 0, mesh: this.geometry(place) }];
    this.meshes.set(name, blocks);
    return blocks;
  }

  async readField(step: number, field: string): Promise<FieldBlock[]> {
    const place = this.places.get(key(step, field));
    const info = this.fields.find((f) => f.name === field);
    if (!place || !info) throw new GaussituError('NOT_FOUND', `${this.path} has no ${field} at step ${step}`);
    const dtype: Dtype = this.file.find(place.path)?.dtype ?? info.dtype;
    const data = this.file.read(place.path, place.row === undefined ? undefined : [place.row, place.row + 1]);
    const expected = place.shape.reduce((a, b) => a * b, place.components) * DTYPE_BYTES[dtype];
    if (data.length !== expected)
      throw invalid(this.path, `${place.path}: ${data.length} bytes, not ${expected}`);
    return [
      {
        step,
        time: this.time(step),
        field,
        mesh: this.meshNames.get(this.geometryKey(place)) ?? info.mesh,
        block: 0,
        association: 'node',
        dtype,
        components: place.components,
        data,
        ...(info.units === undefined ? {} : { units: info.units }),
      },
    ];
  }

  close(): void {
    this.file.close();
  }

  private geometryKey(place: Place): string {
    const [spacing, origin] = ['spacing', 'origin'].map(
      (name) => this.nearest(place.path, name)?.join('_') ?? '',
    );
    const extra = spacing || origin ? `_${spacing}_${origin}` : '';
    return [...place.shape].reverse().join('x') + extra;
  }

  /** An attribute of the dataset, else of its group, else of the groups above. */
  private nearest(path: string, name: string): number[] | undefined {
    for (let at = path; ; at = parent(at)) {
      const value = this.file.attribute(at, name);
      if (Array.isArray(value) && value.length >= 1 && value.length <= 3) return value;
      if (at === '/') return undefined;
    }
  }

  private geometry(place: Place): Mesh {
    const [nz, ny, nx] = [1, 1, ...place.shape].slice(-3) as [number, number, number];
    const dims: Triple = [nx, ny, nz];
    const axes = ['x', 'y', 'z'].map((name, i) => this.axis(place.path, name, dims[i] ?? 1));
    if (axes.some((a) => a !== undefined)) {
      const [x, y, z] = axes.map((a, i) => a ?? Float64Array.from({ length: dims[i] ?? 1 }, (_, k) => k));
      if (x && y && z) return { kind: 'rectilinear', dims, x, y, z };
    }
    const triple = (name: string, fill: number): Triple => {
      const value = this.nearest(place.path, name) ?? [];
      return [value[0] ?? fill, value[1] ?? fill, value[2] ?? fill];
    };
    return { kind: 'uniform', dims, origin: triple('origin', 0), spacing: triple('spacing', 1) };
  }

  /** A 1-D dataset of the axis' name and length beside the field or above. */
  private axis(path: string, name: string, length: number): Coordinates | undefined {
    if (length < 2) return undefined;
    const names = { x: ['x', 'lon'], y: ['y', 'lat'], z: ['z'] }[name] ?? [];
    for (let at = parent(path); ; at = parent(at)) {
      for (const candidate of names) {
        const full = at === '/' ? `/${candidate}` : `${at}/${candidate}`;
        const info = this.file.find(full);
        if (info?.shape.length === 1 && info.shape[0] === length) {
          const values = typed(this.file.read(full), info.dtype);
          return values instanceof Float32Array
            ? values
            : Float64Array.from(values as ArrayLike<number>, Number);
        }
      }
      if (at === '/') return undefined;
    }
  }
}

function key(step: number, field: string): string {
  return `${step} ${field}`;
}

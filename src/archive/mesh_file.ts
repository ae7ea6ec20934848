import { createHash } from 'node:crypto';
import { GaussituError } from '../errors.js';
import { readImage, type Image } from '../hdf5/read_image.js';
import { writeImage, type DatasetSpec, type TypedArray } from '../hdf5/write_image.js';
import {
  NESTING_COLUMNS,
  type Coordinates,
  type Indices,
  type Mesh,
  type MeshBlock,
} from '../protocol/mesh.js';
import type { MeshEntry } from './run_file.js';

/** WebAssembly memory is 2 GiB and holds the file and a copy of a piece of it. */
const MAX_MESH_BYTES = 1.5 * 2 ** 30;

const COLUMNS: Record<string, number> = { points: 3, nesting: NESTING_COLUMNS };

/** The arrays of a mesh block by the names that the files and the protocol use. */
function meshArrays(block: MeshBlock): Record<string, Coordinates | Indices | Uint8Array> {
  const { ghosts, nesting } = block;
  return {
    ...geometryArrays(block.mesh),
    ...(ghosts?.node && { ghostNodes: ghosts.node }),
    ...(ghosts?.cell && { ghostCells: ghosts.cell }),
    ...(nesting && { nesting }),
  };
}

function geometryArrays(mesh: Mesh): Record<string, Coordinates | Indices | Uint8Array> {
  switch (mesh.kind) {
    case 'uniform':
      return {};
    case 'rectilinear':
      return { x: mesh.x, y: mesh.y, z: mesh.z };
    case 'unstructured':
      return {
        points: mesh.points,
        connectivity: mesh.connectivity,
        offsets: mesh.offsets,
        types: mesh.types,
        ...(mesh.faces && mesh.faceOffsets && { faces: mesh.faces, faceOffsets: mesh.faceOffsets }),
      };
    default:
      return { points: mesh.points };
  }
}

/** Everything about a mesh block but its arrays, as run.json keeps it. */
export function describeMesh(block: MeshBlock, after: number): MeshEntry {
  const { mesh } = block;
  const arrays = meshArrays(block);
  const dims = 'dims' in mesh ? ([...mesh.dims] as [number, number, number]) : undefined;
  const geometry = {
    kind: mesh.kind,
    ...(dims ? { dims } : {}),
    ...(mesh.kind === 'uniform'
      ? { origin: [...mesh.origin] as typeof dims, spacing: [...mesh.spacing] as typeof dims }
      : {}),
    ...(block.ghost ? { ghost: [...block.ghost] as MeshEntry['ghost'] } : {}),
    ...(block.start ? { start: [...block.start] as typeof dims } : {}),
    ...(block.global ? { global: [...block.global] as typeof dims } : {}),
    ...(block.level === undefined ? {} : { level: block.level }),
  };
  const hash = createHash('sha1').update(JSON.stringify(geometry));
  for (const [name, array] of Object.entries(arrays)) {
    hash
      .update(`${name} ${array.constructor.name}`)
      .update(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
  }
  return {
    name: block.name,
    block: block.block,
    after,
    ...geometry,
    nodes: dims ? dims.reduce((a, b) => a * b, 1) : (arrays['points']?.length ?? 0) / 3,
    cells: dims
      ? dims.reduce((a, b) => a * Math.max(b - 1, 1), 1)
      : mesh.kind === 'unstructured'
        ? mesh.types.length
        : 0,
    digest: hash.digest('hex'),
    rawBytes: Object.values(arrays).reduce((sum, a) => sum + a.byteLength, 0),
  };
}

/** A mesh file: one native, deflated HDF5 dataset per array. */
export async function encodeMesh(block: MeshBlock): Promise<Uint8Array> {
  const arrays = meshArrays(block);
  const bytes = Object.values(arrays).reduce((sum, a) => sum + a.byteLength, 0);
  if (bytes > MAX_MESH_BYTES) {
    throw new GaussituError('UNSUPPORTED', `mesh ${block.name}, block ${block.block}`, {
      expected: `at most ${MAX_MESH_BYTES} bytes`,
      received: `${bytes}`,
      hint: 'store it without geometry (--mesh none) or cut it into more blocks',
    });
  }
  const datasets = Object.entries(arrays).map(([name, data]): DatasetSpec => {
    const columns = COLUMNS[name] ?? 1;
    return {
      path: `/${name}`,
      data,
      ...(columns > 1 ? { shape: [data.length / columns, columns] } : {}),
      gzip: data.byteLength > 1024,
    };
  });
  return writeImage({
    attributes: {
      format: 'gaussitu-mesh',
      version: 1n,
      name: block.name,
      block: BigInt(block.block),
      kind: block.mesh.kind,
    },
    datasets,
  });
}

/** Puts a mesh block together from its entry and, where it has one, its file. Throws CORRUPT_STREAM. */
export async function decodeMesh(entry: MeshEntry, bytes: Uint8Array | undefined): Promise<MeshBlock> {
  const label = entry.file ?? 'run.json';
  const content: Pick<MeshBlock, 'mesh' | 'ghosts' | 'nesting'> =
    bytes === undefined
      ? { mesh: uniform(entry) }
      : await readImage(bytes, label, (image) => {
          if (image.text('/', 'format') !== 'gaussitu-mesh' || image.number('/', 'version') !== 1) {
            throw bad('not a mesh file of version 1');
          }
          return { mesh: meshFrom(entry, image), ...extrasFrom(entry, image) };
        });
  return {
    name: entry.name,
    block: entry.block,
    ...content,
    ...(entry.ghost ? { ghost: entry.ghost } : {}),
    ...(entry.start ? { start: entry.start } : {}),
    ...(entry.global ? { global: entry.global } : {}),
    ...(entry.level === undefined ? {} : { level: entry.level }),
  };
}

function extrasFrom(entry: MeshEntry, image: Image): Pick<MeshBlock, 'ghosts' | 'nesting'> {
  const names = new Set(image.names('/'));
  const marks = (name: string, length: number): Uint8Array | undefined => {
    if (!names.has(name)) return undefined;
    const { data } = image.dataset(`/${name}`);
    if (!(data instanceof Uint8Array)) throw bad(`${name} is not uint8`);
    return sized(name, data, length);
  };
  const node = marks('ghostNodes', entry.nodes);
  const cell = marks('ghostCells', entry.cells);
  const nesting = names.has('nesting') ? image.dataset('/nesting').data : undefined;
  if (nesting && (!(nesting instanceof BigInt64Array) || nesting.length % NESTING_COLUMNS !== 0)) {
    throw bad(`nesting is not int64 [n, ${NESTING_COLUMNS}]`);
  }
  return {
    ...((node ?? cell) && { ghosts: { ...(node && { node }), ...(cell && { cell }) } }),
    ...(nesting && { nesting }),
  };
}

function uniform(entry: MeshEntry): Mesh {
  if (!entry.dims || !entry.origin || !entry.spacing) {
    throw bad(`mesh ${entry.name} in run.json lacks dims, origin or spacing`);
  }
  return { kind: 'uniform', dims: entry.dims, origin: entry.origin, spacing: entry.spacing };
}

function meshFrom(entry: MeshEntry, image: Image): Mesh {
  const coordinates = (name: string, length: number): Coordinates => {
    const { data } = image.dataset(`/${name}`);
    if (!(data instanceof Float32Array || data instanceof Float64Array)) throw bad(`${name} is not floating`);
    return sized(name, data, length);
  };
  const dims = entry.dims;
  switch (entry.kind) {
    case 'rectilinear':
      if (!dims) break;
      return {
        kind: 'rectilinear',
        dims,
        x: coordinates('x', dims[0]),
        y: coordinates('y', dims[1]),
        z: coordinates('z', dims[2]),
      };
    case 'curvilinear':
      if (!dims) break;
      return { kind: 'curvilinear', dims, points: coordinates('points', entry.nodes * 3) };
    case 'points':
      return { kind: 'points', points: coordinates('points', entry.nodes * 3) };
    case 'unstructured': {
      const offsets = indices(image, 'offsets');
      const connectivity = indices(image, 'connectivity');
      const types = image.dataset('/types').data;
      if (!(types instanceof Uint8Array) || offsets.constructor !== connectivity.constructor) {
        throw bad('types is not uint8, or connectivity and offsets differ in type');
      }
      return {
        kind: 'unstructured',
        points: coordinates('points', entry.nodes * 3),
        connectivity,
        offsets: sized('offsets', offsets, entry.cells + 1),
        types: sized('types', types, entry.cells),
        ...(image.names('/').includes('faces') && {
          faces: indices(image, 'faces'),
          faceOffsets: sized('faceOffsets', indices(image, 'faceOffsets'), entry.cells + 1),
        }),
      };
    }
    case 'uniform':
      return uniform(entry);
  }
  throw bad(`mesh ${entry.name} in run.json lacks dims`);
}

function indices(image: Image, name: string): Indices {
  const { data } = image.dataset(`/${name}`);
  if (!(data instanceof Int32Array || data instanceof BigInt64Array))
    throw bad(`${name} is not int32 or int64`);
  return data;
}

function sized<T extends TypedArray>(name: string, data: T, length: number): T {
  if (data.length !== length) throw bad(`${name} holds ${data.length} numbers, ${length} are needed`);
  return data;
}

function bad(message: string): GaussituError {
  return new GaussituError('CORRUPT_STREAM', message);
}

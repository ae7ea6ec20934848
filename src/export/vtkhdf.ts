import { GaussituError } from '../errors.js';
import { writeImage, type DatasetSpec } from '../hdf5/write_image.js';
import type { Triple } from '../protocol/mesh.js';
import { extractComponent, interior } from '../protocol/extent.js';
import { meshToCells, verticesOf, type Cells } from './cells.js';
import { toTyped } from './numbers.js';
import type { DecodedBlock, ExportField } from './types.js';

const ROOT = '/VTKHDF';

/**
 * VTKHDF 1.0 (docs.vtk.org): ImageData for regular lattices, UnstructuredGrid with one partition per block for all other
 * meshes; queried points become vertices. Opens in ParaView 5.10
 * and newer; cell data on images need 5.11, whose reader first followed the format there.
 */
export function encodeVtkHdf(field: ExportField): Promise<Uint8Array> {
  if (field.lattice && (field.association === 'node' || field.blocks)) return image(field);
  if (field.points) return grid(field, [verticesOf(field.points)]);
  if (!field.blocks) {
    throw new GaussituError('UNSUPPORTED', `field ${field.name} as .vtkhdf`, {
      expected: 'the mesh in the run',
      received: 'a run written with --mesh none',
      hint: 'write .npy or .f32, or ask for --grid',
    });
  }
  return grid(
    field,
    field.blocks.map((b) => meshToCells(b.mesh)),
  );
}

function image(field: ExportField): Promise<Uint8Array> {
  const { dims, origin, spacing } = field.lattice ?? {
    dims: [1, 1, 1],
    origin: [0, 0, 0],
    spacing: [1, 1, 1],
  };
  const cell = field.association === 'cell';
  // Cell lattices are given by cell centres; a flat axis of one cell stays flat.
  const flat = flatAxes(field);
  const nodes = dims.map((n, a) => (cell && !flat[a] ? n + 1 : n));
  const first = origin.map((o, a) => (cell && !flat[a] ? o - (spacing[a] ?? 1) / 2 : o));
  return writeImage({
    groups: [
      {
        path: ROOT,
        attributes: {
          Type: 'ImageData',
          Version: BigInt64Array.of(1n, 0n),
          WholeExtent: BigInt64Array.from(nodes.flatMap((n) => [0n, BigInt(n - 1)])),
          Origin: Float64Array.from(first),
          Spacing: Float64Array.from(spacing),
          Direction: Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1),
          time: field.time, // TimeValue makes VTK 9.1 refuse an image
        },
      },
      ...dataGroups(),
    ],
    datasets: [values(field, field.shape)],
  });
}

function flatAxes(field: ExportField): boolean[] {
  const whole = field.blocks?.[0]?.mesh;
  const dims = whole?.global ?? (whole && 'dims' in whole.mesh ? whole.mesh.dims : ([2, 2, 2] as Triple));
  return dims.map((n) => n === 1);
}

function grid(field: ExportField, parts: Cells[]): Promise<Uint8Array> {
  const counts = (of: (part: Cells) => number) => BigInt64Array.from(parts, (part) => BigInt(of(part)));
  const dataset = (name: string, data: DatasetSpec['data'], shape?: number[]): DatasetSpec => ({
    path: `${ROOT}/${name}`,
    data,
    ...(shape && { shape }),
    gzip: data.byteLength > 4096,
  });
  const points = concat(parts.map((p) => p.points));
  return writeImage({
    groups: [
      { path: ROOT, attributes: { Type: 'UnstructuredGrid', Version: BigInt64Array.of(1n, 0n) } },
      ...dataGroups(),
    ],
    datasets: [
      dataset(
        'NumberOfPoints',
        counts((p) => p.points.length / 3),
      ),
      dataset(
        'NumberOfCells',
        counts((p) => p.types.length),
      ),
      dataset(
        'NumberOfConnectivityIds',
        counts((p) => p.connectivity.length),
      ),
      dataset('Points', points, [points.length / 3, 3]),
      dataset('Connectivity', concatIndices(parts.map((p) => p.connectivity))),
      dataset('Offsets', concatIndices(parts.map((p) => p.offsets))),
      dataset('Types', Buffer.concat(parts.map((p) => p.types.map(withoutFaces)))),
      // Blocks in their own order, as the partitions are; an assembled grid would be in another.
      values(
        { ...field, data: field.blocks ? Buffer.concat(field.blocks.map((b) => b.data)) : field.data },
        field.components
          ? [field.shape.reduce((a, b) => a * b, 1) / field.components, field.components]
          : undefined,
      ),
      ...ghosts(field.blocks ?? []),
      ...timeValue(field),
    ],
  });
}

/** This version of the format has no faces: a polyhedron becomes a convex point set of the same nodes. */
function withoutFaces(type: number): number {
  return type === 42 ? 41 : type;
}

function dataGroups(): { path: string }[] {
  return ['PointData', 'CellData', 'FieldData'].map((name) => ({ path: `${ROOT}/${name}` }));
}

function values(field: ExportField, shape: number[] | undefined): DatasetSpec {
  const group = field.association === 'cell' ? 'CellData' : 'PointData';
  return {
    path: `${ROOT}/${group}/${field.name.replaceAll('/', '_')}`,
    data: toTyped(field.data, field.dtype),
    ...(shape && { shape }),
    gzip: true,
    ...(field.units === undefined ? {} : { attributes: { units: field.units } }),
  };
}

/** The simulation's ghost marks under the name that VTK knows. */
function ghosts(blocks: readonly DecodedBlock[]): DatasetSpec[] {
  return (['node', 'cell'] as const).flatMap((association) => {
    if (!blocks.some(({ mesh }) => mesh.ghosts?.[association])) return [];
    const marks = blocks.map(({ mesh }) => {
      const box = interior(mesh, association);
      const own = mesh.ghosts?.[association];
      return own ? extractComponent(own, box, 1, 1, 0) : new Uint8Array(box.count);
    });
    const group = association === 'cell' ? 'CellData' : 'PointData';
    return [
      { path: `${ROOT}/${group}/vtkGhostType`, data: new Uint8Array(Buffer.concat(marks)), gzip: true },
    ];
  });
}

/** ParaView reads the time of a file without Steps from the field data array TimeValue. */
function timeValue(field: ExportField): DatasetSpec[] {
  return [{ path: `${ROOT}/FieldData/TimeValue`, data: Float64Array.of(field.time) }];
}

function concat(arrays: (Float32Array | Float64Array)[]): Float32Array | Float64Array {
  const length = arrays.reduce((sum, a) => sum + a.length, 0);
  const out = arrays.every((a) => a instanceof Float32Array)
    ? new Float32Array(length)
    : new Float64Array(length);
  let at = 0;
  for (const array of arrays) {
    out.set(array, at);
    at += array.length;
  }
  return out;
}

function concatIndices(arrays: (Int32Array | BigInt64Array)[]): BigInt64Array {
  const out = new BigInt64Array(arrays.reduce((sum, a) => sum + a.length, 0));
  let at = 0;
  for (const array of arrays) {
    out.set(array instanceof BigInt64Array ? array : BigInt64Array.from(array, BigInt), at);
    at += array.length;
  }
  return out;
}

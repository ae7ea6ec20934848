/** What the parts of the bench of strict bounds share: cases, coding of streams, peers' bytes. */
import {
  createCodec,
  type BoundedPlace,
  type BoundedResult,
  type FieldState,
} from '../../src/codec/index.js';
import type { UnstructuredMesh } from '../../src/protocol/mesh.js';
import { openInput } from '../../src/replay/index.js';
import { bytesOf, openCase, readField, unpacked, type Case } from '../lib/data.js';
import type { PeerRow } from '../lib/peers.js';
import { scratch } from '../lib/programs.js';
import { quick } from '../lib/report.js';

export const codec = createCodec();
export const BOUNDS = quick ? [1e-2, 1e-3] : [1e-1, 5e-2, 1e-2, 1e-3, 1e-4];

/** SZ3 3.3.2 on fields that the table of peers leaves out: bytes at BOUNDS, 1-D, one step (the last). */
const SZ3_BYTES: Record<string, number[]> = {
  'openfoam_channel395 Uy': [5350, 9199, 23306, 49799, 96730],
  'openfoam_channel395 Uz': [6517, 11043, 26478, 54963, 103162],
  'openfoam_channel395 nut': [5594, 9436, 22467, 48960, 93477],
};

/** Unstructured cases: fields and the step that is measured. */
export const UNSTRUCTURED = [
  { name: 'openfoam_channel395', fields: ['Ux', 'Uy', 'Uz', 'p', 'nut'], last: 11 },
  { name: 'fem_tet', fields: ['p', 'T'], last: 5 },
  { name: 'vtk_disk_out_ref', fields: ['Temp'], last: 0 },
];

export interface Stream {
  place: BoundedPlace;
  from: Case;
  fields: string[];
}

/** Codes steps first..last of a case at a relative bound, fields in the given order; results of the last step. */
export async function code(
  { place, from, fields }: Stream,
  first: number,
  last: number,
  rel: number,
): Promise<Map<string, BoundedResult>> {
  const history = new Map<string, FieldState[]>();
  let results = new Map<string, BoundedResult>();
  for (let step = first; step <= last; step++) {
    results = new Map();
    for (const field of fields) {
      const result = await codec.encodeBounded({
        ...place,
        dtype: 'f32',
        data: bytesOf(readField(from, field, step)),
        target: { rel },
        earlier: history.get(field) ?? [],
        siblings: [...results.values()].map((r) => r.state),
      });
      results.set(field, result);
      history.set(field, [result.state, ...(history.get(field) ?? [])].slice(0, 2));
    }
  }
  return results;
}

export function peerBytes(
  rows: PeerRow[],
  of: { case: string; field: string },
  compressor: string,
  rel: number,
) {
  const other = SZ3_BYTES[`${of.case} ${of.field}`];
  if (other && compressor === 'SZ3') return other[[1e-1, 5e-2, 1e-2, 1e-3, 1e-4].indexOf(rel)];
  return rows.find(
    (row) =>
      row.case === of.case &&
      row.field === of.field &&
      row.compressor === compressor &&
      row.mode === 'rel' &&
      Math.abs(row.target / rel - 1) < 1e-6,
  )?.bytes;
}

export function geometricMean(values: number[]): number {
  return Math.exp(values.reduce((sum, v) => sum + Math.log(v), 0) / values.length);
}

/** Grid of a case, whatever its coordinates: neighbours in the array are neighbours in space. */
export function gridPlace(from: Case): BoundedPlace {
  const mesh = { kind: 'uniform', dims: from.dims!, origin: [0, 0, 0], spacing: [1, 1, 1] } as const;
  return { mesh, association: 'node' };
}

/** Mesh and association of an unstructured case, connectivity and all. */
export async function unstructured(
  folder: string,
  name: string,
): Promise<BoundedPlace & { mesh: UnstructuredMesh }> {
  const input = await openInput(unpacked(openCase(folder, name), scratch(name)));
  const mesh = (await input.mesh(input.fields[0]!.mesh, 0))[0]!.mesh;
  if (mesh.kind !== 'unstructured') throw new Error(`${name} is no unstructured mesh`);
  return { mesh, association: input.fields[0]!.association };
}

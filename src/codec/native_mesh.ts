import type { Association } from '../protocol/field.js';
import type { Coordinates, GhostLayers, Indices, Mesh } from '../protocol/mesh.js';

/** A mesh as the addon takes it: numbers for names, one flat object. */
export interface NativeMesh {
  kind: number;
  association: number;
  dims?: number[];
  origin?: number[];
  spacing?: number[];
  ghost?: number[];
  x?: Coordinates;
  y?: Coordinates;
  z?: Coordinates;
  points?: Coordinates;
  connectivity?: Indices;
  offsets?: Indices;
  types?: Uint8Array;
}

const KINDS = { uniform: 0, rectilinear: 1, curvilinear: 2, unstructured: 3, points: 4 } as const;

export function nativeMesh(mesh: Mesh, association: Association, ghost?: GhostLayers): NativeMesh {
  const out: NativeMesh = { kind: KINDS[mesh.kind], association: association === 'node' ? 0 : 1 };
  if (ghost) out.ghost = [...ghost];
  switch (mesh.kind) {
    case 'uniform':
      return { ...out, dims: [...mesh.dims], origin: [...mesh.origin], spacing: [...mesh.spacing] };
    case 'rectilinear':
      return { ...out, dims: [...mesh.dims], x: mesh.x, y: mesh.y, z: mesh.z };
    case 'curvilinear':
      return { ...out, dims: [...mesh.dims], points: mesh.points };
    case 'unstructured':
      return {
        ...out,
        points: mesh.points,
        connectivity: mesh.connectivity,
        offsets: mesh.offsets,
        types: mesh.types,
      };
    default:
      return { ...out, points: mesh.points };
  }
}

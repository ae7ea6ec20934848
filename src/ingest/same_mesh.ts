import type { MeshBlock } from '../protocol/mesh.js';

/** The arrays of a mesh block as bytes, in a fixed order; the same names for blocks with the same head. */
function arraysOf(block: MeshBlock): Uint8Array[] {
  const extras = [block.ghosts?.node, block.ghosts?.cell, block.nesting];
  return [...geometryOf(block), ...extras.flatMap((array) => (array ? [bytes(array)] : []))];
}

function geometryOf({ mesh }: MeshBlock): Uint8Array[] {
  switch (mesh.kind) {
    case 'uniform':
      return [];
    case 'rectilinear':
      return [mesh.x, mesh.y, mesh.z].map(bytes);
    case 'unstructured':
      return [
        mesh.points,
        mesh.connectivity,
        mesh.offsets,
        mesh.types,
        ...(mesh.faces && mesh.faceOffsets ? [mesh.faces, mesh.faceOffsets] : []),
      ].map(bytes);
    default:
      return [bytes(mesh.points)];
  }
}

function bytes(array: ArrayBufferView): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

/** Everything but the arrays, and their types. */
function head(block: MeshBlock): string {
  return JSON.stringify(block, (_, value: unknown) =>
    ArrayBuffer.isView(value) ? value.constructor.name : value,
  );
}

/** A client that reconnects sends its meshes again; one that did not change is not a new version. */
export function sameMesh(a: MeshBlock, b: MeshBlock): boolean {
  if (head(a) !== head(b)) return false;
  const others = arraysOf(b);
  return arraysOf(a).every((array, i) => {
    const other = others[i];
    return other !== undefined && Buffer.compare(array, other) === 0;
  });
}

export function meshBytes(block: MeshBlock): number {
  return arraysOf(block).reduce((sum, array) => sum + array.byteLength, 0);
}

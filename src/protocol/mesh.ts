/** Where the samples of a field sit. `dims` counts nodes, x fastest. */
export type Triple = readonly [number, number, number];
/** Ghost layers at xlo, xhi, ylo, yhi, zlo, zhi. */
export type GhostLayers = readonly [number, number, number, number, number, number];
export type Coordinates = Float32Array | Float64Array;
export type Indices = Int32Array | BigInt64Array;

export interface UniformGrid {
  kind: 'uniform';
  dims: Triple;
  /** World position of the block's first node, ghosts included. */
  origin: Triple;
  spacing: Triple;
}
export interface RectilinearGrid {
  kind: 'rectilinear';
  dims: Triple;
  x: Coordinates;
  y: Coordinates;
  z: Coordinates;
}
export interface CurvilinearGrid {
  kind: 'curvilinear';
  dims: Triple;
  /** [nx*ny*nz, 3] */
  points: Coordinates;
}
export interface UnstructuredMesh {
  kind: 'unstructured';
  /** [n, 3] */
  points: Coordinates;
  connectivity: Indices;
  /** [cells + 1] into connectivity */
  offsets: Indices;
  /** [cells] VTK cell types */
  types: Uint8Array;
  /**
   * Faces of polyhedra (type 42, whose connectivity lists each node once): per polyhedron the number of its faces, then per
   * face the number of its nodes and their indices. Other cells have none.
   */
  faces?: Indices;
  /** [cells + 1] into faces */
  faceOffsets?: Indices;
}
export interface PointCloud {
  kind: 'points';
  /** [n, 3] */
  points: Coordinates;
}
export type Mesh = UniformGrid | RectilinearGrid | CurvilinearGrid | UnstructuredMesh | PointCloud;

/** One block of a (possibly decomposed) mesh. */
export interface MeshBlock {
  name: string;
  block: number;
  mesh: Mesh;
  /** Grids only; absent means none. */
  ghost?: GhostLayers;
  /** Global index of the block's first node (ghosts included) and dims of the whole grid. */
  start?: Triple;
  global?: Triple;
  /** Values that belong to other blocks or to none, where they are not whole layers of a grid: not 0. */
  ghosts?: GhostMarks;
  /** Of a patch of a refined grid; 0 is the coarsest. */
  level?: number;
  /** [n, NESTING_COLUMNS] patches that this one overlaps: block, 1 if finer, ratio ×3, first cell ×3, cells ×3. */
  nesting?: BigInt64Array;
}

/** [nodes] and [cells] of the mesh. */
export interface GhostMarks {
  node?: Uint8Array;
  cell?: Uint8Array;
}
export const NESTING_COLUMNS = 11;

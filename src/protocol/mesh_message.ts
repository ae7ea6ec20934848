import { GaussituError } from '../errors.js';
import { checkFrame, copyAs } from './arrays.js';
import type { ArrayHeader, MeshMessage } from './messages.js';
import { valueCount } from './extent.js';
import {
  NESTING_COLUMNS,
  type Coordinates,
  type GhostLayers,
  type GhostMarks,
  type Indices,
  type Mesh,
  type MeshBlock,
  type Triple,
} from './mesh.js';

/**
 * A `mesh` message as a mesh: every array present, of the right type, shape and length, finite coordinates, cell
 * indices in range. Throws BAD_MESSAGE, BAD_SHAPE, BAD_DTYPE, CHECKSUM. Copies the arrays.
 */
export function readMesh(message: MeshMessage, frames: readonly Uint8Array[]): MeshBlock {
  const arrays = new ArrayReader(`mesh ${message.mesh}`, message.arrays ?? [], frames);
  const block: MeshBlock = { name: message.mesh, block: message.block, mesh: readGeometry(message, arrays) };
  readExtras(block, arrays);
  arrays.done();
  if ('dims' in message) {
    const ghost = message.ghost ?? undefined;
    if (ghost) {
      checkGhost(message.dims, ghost, message.mesh);
      block.ghost = ghost;
    }
    if (message.start) block.start = message.start;
    if (message.global) block.global = message.global;
    if (typeof message.level === 'number') block.level = message.level;
  }
  return block;
}

/** What any mesh may have beside its geometry. */
function readExtras(block: MeshBlock, arrays: ArrayReader): void {
  const ghosts: GhostMarks = {};
  if (arrays.has('ghostNodes')) ghosts.node = arrays.bytes('ghostNodes', valueCount(block.mesh, 'node'));
  if (arrays.has('ghostCells')) ghosts.cell = arrays.bytes('ghostCells', valueCount(block.mesh, 'cell'));
  if (ghosts.node ?? ghosts.cell) block.ghosts = ghosts;
  if (arrays.has('nesting')) block.nesting = arrays.integers('nesting', [undefined, NESTING_COLUMNS]);
}

function readGeometry(message: MeshMessage, arrays: ArrayReader): Mesh {
  switch (message.kind) {
    case 'uniform': {
      const { dims, origin, spacing } = message;
      if (spacing.some((h, axis) => !(h > 0) && (dims[axis] ?? 0) > 1)) {
        throw new GaussituError('BAD_SHAPE', `mesh ${message.mesh}: spacing`, {
          expected: 'numbers above 0',
          received: spacing.join(', '),
        });
      }
      return { kind: 'uniform', dims, origin, spacing };
    }
    case 'rectilinear': {
      const [nx, ny, nz] = message.dims;
      return {
        kind: 'rectilinear',
        dims: message.dims,
        x: arrays.coordinates('x', [nx]),
        y: arrays.coordinates('y', [ny]),
        z: arrays.coordinates('z', [nz]),
      };
    }
    case 'curvilinear': {
      const [nx, ny, nz] = message.dims;
      return {
        kind: 'curvilinear',
        dims: message.dims,
        points: arrays.coordinates('points', [nx * ny * nz, 3]),
      };
    }
    case 'unstructured': {
      const points = arrays.coordinates('points', [undefined, 3]);
      const connectivity = arrays.indices('connectivity');
      const offsets = arrays.indices('offsets');
      const types = arrays.bytes('types');
      checkCells(message.mesh, points.length / 3, connectivity, offsets, types.length);
      const mesh = { kind: 'unstructured', points, connectivity, offsets, types } as const;
      if (!arrays.has('faces')) return mesh;
      const faces = arrays.indices('faces');
      const faceOffsets = arrays.indices('faceOffsets');
      checkFaces(message.mesh, points.length / 3, types, faces, faceOffsets);
      return { ...mesh, faces, faceOffsets };
    }
    default: // points
      return { kind: 'points', points: arrays.coordinates('points', [undefined, 3]) };
  }
}

class ArrayReader {
  private readonly used = new Set<string>();

  constructor(
    private readonly mesh: string,
    private readonly headers: readonly ArrayHeader[],
    private readonly frames: readonly Uint8Array[],
  ) {
    if (headers.length !== frames.length) {
      throw new GaussituError('BAD_MESSAGE', `${mesh}: frames after the header`, {
        expected: `${headers.length}, one per entry of arrays`,
        received: String(frames.length),
      });
    }
  }

  coordinates(name: string, shape: readonly (number | undefined)[]): Coordinates {
    const { header, frame } = this.take(name, ['f32', 'f64'], shape);
    const values = header.dtype === 'f32' ? copyAs(frame, Float32Array) : copyAs(frame, Float64Array);
    for (let i = 0; i < values.length; i++) {
      if (!Number.isFinite(values[i])) {
        throw new GaussituError('BAD_MESSAGE', `${this.mesh}: ${name}[${i}]`, {
          expected: 'a finite coordinate',
          received: String(values[i]),
        });
      }
    }
    return values;
  }

  indices(name: string): Indices {
    const { header, frame } = this.take(name, ['i32', 'i64'], [undefined]);
    return header.dtype === 'i32' ? copyAs(frame, Int32Array) : copyAs(frame, BigInt64Array);
  }

  integers(name: string, shape: readonly (number | undefined)[]): BigInt64Array {
    return copyAs(this.take(name, ['i64'], shape).frame, BigInt64Array);
  }

  bytes(name: string, length?: number): Uint8Array {
    return copyAs(this.take(name, ['u8'], [length]).frame, Uint8Array);
  }

  has(name: string): boolean {
    return this.headers.some((header) => header.name === name);
  }

  done(): void {
    const extra = this.headers.find((header) => !this.used.has(header.name));
    if (extra || this.used.size !== this.headers.length) {
      throw new GaussituError('BAD_MESSAGE', `${this.mesh}: arrays`, {
        expected: `${[...this.used].join(', ') || 'none'}, each once`,
        received: this.headers.map((header) => header.name).join(', '),
      });
    }
  }

  private take(
    name: string,
    dtypes: readonly string[],
    shape: readonly (number | undefined)[],
  ): { header: ArrayHeader; frame: Uint8Array } {
    const index = this.headers.findIndex((header) => header.name === name);
    const header = this.headers[index];
    const frame = this.frames[index];
    const what = `${this.mesh}: array ${name}`;
    if (!header || !frame) {
      throw new GaussituError('BAD_MESSAGE', what, {
        expected: 'to be sent',
        received: this.headers.map((h) => h.name).join(', ') || 'no arrays',
      });
    }
    this.used.add(name);
    if (!dtypes.includes(header.dtype)) {
      throw new GaussituError('BAD_DTYPE', what, { expected: dtypes.join(' or '), received: header.dtype });
    }
    if (
      header.shape.length !== shape.length ||
      shape.some((n, axis) => n !== undefined && n !== header.shape[axis])
    ) {
      throw new GaussituError('BAD_SHAPE', what, {
        expected: `[${shape.map((n) => n ?? 'n').join(', ')}]`,
        received: `[${header.shape.join(', ')}]`,
      });
    }
    checkFrame(what, frame, header.shape, header.dtype, header.crc);
    return { header, frame };
  }
}

function checkGhost(dims: Triple, ghost: GhostLayers, mesh: string): void {
  for (const axis of [0, 1, 2] as const) {
    const layers = (ghost[2 * axis] ?? 0) + (ghost[2 * axis + 1] ?? 0);
    if (layers > dims[axis]) {
      throw new GaussituError('BAD_SHAPE', `mesh ${mesh}: ghost layers along ${'xyz'[axis]}`, {
        expected: `at most ${dims[axis]}, the nodes there`,
        received: String(layers),
      });
    }
  }
}

function checkCells(
  mesh: string,
  points: number,
  connectivity: Indices,
  offsets: Indices,
  cells: number,
): void {
  if (offsets.length !== cells + 1) {
    throw new GaussituError('BAD_SHAPE', `mesh ${mesh}: offsets`, {
      expected: `${cells + 1} entries, one more than types`,
      received: String(offsets.length),
    });
  }
  let last = 0;
  for (let i = 0; i < offsets.length; i++) {
    const at = Number(offsets[i]);
    if (at < last || at > connectivity.length || (i === 0 && at !== 0)) {
      throw new GaussituError('BAD_MESSAGE', `mesh ${mesh}: offsets[${i}]`, {
        expected: i === 0 ? '0' : `${last} to ${connectivity.length}`,
        received: String(at),
      });
    }
    last = at;
  }
  if (last !== connectivity.length) {
    throw new GaussituError('BAD_MESSAGE', `mesh ${mesh}: last offset`, {
      expected: `${connectivity.length}, the length of connectivity`,
      received: String(last),
    });
  }
  for (let i = 0; i < connectivity.length; i++) {
    const node = Number(connectivity[i]);
    if (node < 0 || node >= points) {
      throw new GaussituError('BAD_MESSAGE', `mesh ${mesh}: connectivity[${i}]`, {
        expected: `a node, 0 to ${points - 1}`,
        received: String(node),
      });
    }
  }
}

const POLYHEDRON = 42;

/** Each polyhedron's part is as long as its counts say and names nodes that there are; other cells have none. */
function checkFaces(mesh: string, points: number, types: Uint8Array, faces: Indices, offsets: Indices): void {
  const bad = (cell: number, expected: string): GaussituError =>
    new GaussituError('BAD_MESSAGE', `mesh ${mesh}: faces of cell ${cell}`, { expected });
  if (offsets.length !== types.length + 1 || Number(offsets[0]) !== 0) {
    throw new GaussituError('BAD_SHAPE', `mesh ${mesh}: faceOffsets`, {
      expected: `${types.length + 1} entries from 0`,
      received: `${offsets.length} from ${String(offsets[0])}`,
    });
  }
  let at = 0;
  for (let cell = 0; cell < types.length; cell++) {
    const end = Number(offsets[cell + 1]);
    if (end < at || end > faces.length) throw bad(cell, `an end from ${at} to ${faces.length}`);
    if (types[cell] !== POLYHEDRON) {
      if (end !== at) throw bad(cell, 'none: it is no polyhedron');
      continue;
    }
    if (at === end) throw bad(cell, 'the number of faces');
    for (let left = Number(faces[at++]); left > 0; left--) {
      const nodes = at < end ? Number(faces[at++]) : 0;
      if (nodes < 3 || nodes > end - at) throw bad(cell, 'faces of 3 or more nodes within its part');
      for (const stop = at + nodes; at < stop; at++) {
        const node = Number(faces[at]);
        if (node < 0 || node >= points) throw bad(cell, `nodes from 0 to ${points - 1}`);
      }
    }
    if (at !== end) throw bad(cell, 'an end with the last face');
  }
  if (at !== faces.length) throw bad(types.length - 1, `the last face at ${faces.length}`);
}

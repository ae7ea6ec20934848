import { GaussituError } from '../errors.js';
import { gridDims, interior } from '../protocol/extent.js';
import { DTYPE_BYTES, type Association, type Dtype } from '../protocol/field.js';
import type { MeshBlock, Triple } from '../protocol/mesh.js';
import type { DecodedBlock, Lattice } from './types.js';

/**
 * Puts the blocks of a field together: grids to the global array by their index (`start`, or the origin of uniform
 * blocks), everything else one after the other in the order of the blocks: unstructured meshes, blocks of several meshes,
 * patches of a refined grid. Where no block is, floats are NaN and integers 0.
 */
export function assemble(
  blocks: readonly DecodedBlock[],
  association: Association,
  dtype: Dtype,
): { data: Uint8Array; shape: number[]; lattice?: Lattice } {
  const first = blocks[0];
  if (!first) return { data: new Uint8Array(), shape: [0] };
  if (blocks.length > 1 ? !oneGrid(blocks) : gridDims(first.mesh.mesh, association) === undefined) {
    const data = blocks.length === 1 ? first.data : Buffer.concat(blocks.map((b) => b.data));
    return { data, shape: [data.length / DTYPE_BYTES[dtype]] };
  }
  const lattices = blocks.map((b) => latticeOf(b.mesh, association));
  if (blocks.length === 1) {
    const { dims } = interior(first.mesh, association);
    return { data: first.data, shape: dims.toReversed(), ...(lattices[0] && { lattice: lattices[0] }) };
  }
  const { starts, dims } = places(blocks, lattices, association);
  const data = fill(dims[0] * dims[1] * dims[2], dtype);
  blocks.forEach((block, i) => {
    paste(data, dims, block, starts[i] as Triple, association, DTYPE_BYTES[dtype]);
  });
  const one = lattices[0];
  const start = starts[0] as Triple;
  const lattice = one && {
    dims,
    spacing: one.spacing,
    origin: one.origin.map((o, a) => o - (start[a] ?? 0) * (one.spacing[a] ?? 1)) as unknown as Triple,
  };
  const same = lattices.every((l) =>
    l?.spacing.every((h, a) => Math.abs(h / (one?.spacing[a] ?? 1) - 1) < 1e-6),
  );
  return { data, shape: dims.toReversed(), ...(lattice && same && { lattice }) };
}

/** Where each block's first value is in the whole grid; undefined where they are not parts of one. Throws UNSUPPORTED. */
export function startsOf(meshes: readonly MeshBlock[], association: Association): Triple[] | undefined {
  if (meshes.length === 1) return [[0, 0, 0]];
  const blocks = meshes.map((mesh) => ({ mesh, data: new Uint8Array() }));
  if (!oneGrid(blocks)) return undefined;
  return places(
    blocks,
    meshes.map((mesh) => latticeOf(mesh, association)),
    association,
  ).starts;
}

/** Blocks of one decomposed grid, rather than parts with places of their own. */
function oneGrid(blocks: readonly DecodedBlock[]): boolean {
  const name = blocks[0]?.mesh.name;
  return blocks.every(
    ({ mesh }) => gridDims(mesh.mesh, 'node') && mesh.name === name && mesh.level === undefined,
  );
}

/** The lattice of a uniform block's values, ghosts left out; undefined for other meshes. */
export function latticeOf(block: MeshBlock, association: Association): Lattice | undefined {
  const { mesh } = block;
  if (mesh.kind !== 'uniform') return undefined;
  const { dims, offset } = interior(block, association);
  const origin = [0, 1, 2].map((a) => {
    const half = association === 'cell' && (mesh.dims[a] ?? 1) > 1 ? 0.5 : 0;
    return (mesh.origin[a] ?? 0) + (mesh.spacing[a] ?? 1) * ((offset[a] ?? 0) + half);
  });
  return { dims, origin: origin as unknown as Triple, spacing: mesh.spacing };
}

function places(
  blocks: readonly DecodedBlock[],
  lattices: readonly (Lattice | undefined)[],
  association: Association,
): { starts: Triple[]; dims: Triple } {
  const boxes = blocks.map((b) => interior(b.mesh, association));
  const whole = blocks[0]?.mesh.global;
  if (whole && blocks.every((b) => b.mesh.start && b.mesh.global)) {
    const starts = blocks.map((b, i) => add(b.mesh.start as Triple, boxes[i]?.offset as Triple));
    const dims = association === 'cell' ? (whole.map((n) => Math.max(n - 1, 1)) as unknown as Triple) : whole;
    return { starts, dims };
  }
  const lo = [0, 1, 2].map((a) => Math.min(...lattices.map((l) => l?.origin[a] ?? Number.NaN)));
  const starts = lattices.map(
    (l) =>
      [0, 1, 2].map((a) =>
        Math.round(((l?.origin[a] ?? 0) - (lo[a] ?? 0)) / (l?.spacing[a] ?? 1)),
      ) as unknown as Triple,
  );
  if (starts.flat().some((s) => !Number.isFinite(s))) {
    throw new GaussituError('UNSUPPORTED', 'the blocks of this grid do not say where they belong', {
      expected: '`start` and `global` with every block, or uniform blocks',
      hint: 'decode them one by one with --block',
    });
  }
  const dims = [0, 1, 2].map((a) =>
    Math.max(...starts.map((s, i) => (s[a] ?? 0) + (boxes[i]?.dims[a] ?? 0))),
  );
  return { starts, dims: dims as unknown as Triple };
}

function paste(
  out: Uint8Array,
  dims: Triple,
  block: DecodedBlock,
  start: Triple,
  association: Association,
  bytes: number,
): void {
  const [nx, ny, nz] = interior(block.mesh, association).dims;
  if (start.some((s, a) => s < 0 || s + ([nx, ny, nz][a] ?? 0) > (dims[a] ?? 0))) {
    throw new GaussituError('CORRUPT_STREAM', `block ${block.mesh.block} of mesh ${block.mesh.name}`, {
      expected: `a place within ${dims.join('x')}`,
      received: `${nx}x${ny}x${nz} at ${start.join(', ')}`,
    });
  }
  for (let z = 0; z < nz; z++) {
    for (let y = 0; y < ny; y++) {
      const from = nx * (y + ny * z) * bytes;
      const to = (start[0] + dims[0] * (start[1] + y + dims[1] * (start[2] + z))) * bytes;
      out.set(block.data.subarray(from, from + nx * bytes), to);
    }
  }
}

function fill(count: number, dtype: Dtype): Uint8Array {
  const out = new Uint8Array(count * DTYPE_BYTES[dtype]);
  if (dtype === 'f32') new Float32Array(out.buffer).fill(Number.NaN);
  if (dtype === 'f64') new Float64Array(out.buffer).fill(Number.NaN);
  return out;
}

function add(a: Triple, b: Triple): Triple {
  return [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
}

import { crc32 } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { readMesh } from '../../src/protocol/mesh_message.js';
import { extractComponent, interior, valueCount } from '../../src/protocol/extent.js';
import type { MeshMessage } from '../../src/protocol/messages.js';

/** A frame as the socket delivers it: at an odd offset of a larger buffer. */
function frame(values: Float32Array | Float64Array | Int32Array | BigInt64Array | Uint8Array): Uint8Array {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const buffer = new Uint8Array(bytes.length + 3);
  buffer.set(bytes, 3);
  return buffer.subarray(3);
}

const TET = {
  points: Float32Array.from([0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1]),
  connectivity: Int32Array.from([0, 1, 2, 3]),
  offsets: Int32Array.from([0, 4]),
  types: Uint8Array.from([10]),
};

function tetMessage(change: Partial<typeof TET> = {}): [MeshMessage, Uint8Array[]] {
  const arrays = { ...TET, ...change };
  return [
    {
      t: 'mesh',
      mesh: 'body',
      block: 0,
      kind: 'unstructured',
      arrays: [
        {
          name: 'points',
          dtype: 'f32',
          shape: [arrays.points.length / 3, 3],
          crc: crc32(frame(arrays.points)),
        },
        { name: 'connectivity', dtype: 'i32', shape: [arrays.connectivity.length] },
        { name: 'offsets', dtype: 'i32', shape: [arrays.offsets.length] },
        { name: 'types', dtype: 'u8', shape: [arrays.types.length] },
      ],
    },
    Object.values(arrays).map(frame),
  ];
}

function codeOf(message: MeshMessage, frames: Uint8Array[]): string {
  try {
    readMesh(message, frames);
  } catch (error) {
    return (error as { code: string }).code;
  }
  return 'taken';
}

describe('a mesh message', () => {
  test('becomes a mesh with arrays of its own', () => {
    const [message, frames] = tetMessage();
    const { mesh } = readMesh(message, frames);
    expect(mesh).toEqual({ kind: 'unstructured', ...TET });
    frames[0]?.fill(0);
    expect(mesh).toEqual({ kind: 'unstructured', ...TET });
  });

  test('keeps 64-bit indices', () => {
    const [message, frames] = tetMessage();
    const wide = {
      ...message,
      arrays: message.arrays?.map((a) => (a.dtype === 'i32' ? { ...a, dtype: 'i64' as const } : a)),
    } as MeshMessage;
    frames[1] = frame(BigInt64Array.from([0n, 1n, 2n, 3n]));
    frames[2] = frame(BigInt64Array.from([0n, 4n]));
    expect(readMesh(wide, frames).mesh).toMatchObject({ connectivity: BigInt64Array.from([0n, 1n, 2n, 3n]) });
  });

  test.each<[string, Partial<typeof TET>]>([
    ['a node that does not exist', { connectivity: Int32Array.from([0, 1, 2, 4]) }],
    ['a negative node', { connectivity: Int32Array.from([0, 1, 2, -1]) }],
    ['offsets beyond the connectivity', { offsets: Int32Array.from([0, 5]) }],
    ['offsets that stop short', { offsets: Int32Array.from([0, 3]) }],
    [
      'a coordinate that is not finite',
      { points: Float32Array.from([...TET.points.slice(0, 11), Number.NaN]) },
    ],
  ])('is refused for %s', (_, change) => {
    expect(codeOf(...tetMessage(change))).toBe('BAD_MESSAGE');
  });

  test('is refused for offsets that do not fit the cells', () => {
    expect(codeOf(...tetMessage({ types: Uint8Array.from([10, 10]) }))).toBe('BAD_SHAPE');
  });

  test('is refused for truncated, missing, corrupted and mistyped arrays', () => {
    const [message, frames] = tetMessage();
    expect(codeOf(message, [frames[0]!.subarray(0, 40), ...frames.slice(1)])).toBe('BAD_MESSAGE');
    expect(codeOf(message, frames.slice(0, 3))).toBe('BAD_MESSAGE');
    const flipped = new Uint8Array(frames[0]!);
    flipped[5]! ^= 1;
    expect(codeOf(message, [flipped, ...frames.slice(1)])).toBe('CHECKSUM');
    const mistyped = { ...message, arrays: message.arrays!.map((a) => ({ ...a, dtype: 'f32' as const })) };
    expect(codeOf(mistyped as MeshMessage, frames)).toBe('BAD_DTYPE');
    const twice = { ...message, arrays: [...message.arrays!, message.arrays![0]!] };
    expect(codeOf(twice as MeshMessage, [...frames, frames[0]!])).toBe('BAD_MESSAGE');
  });

  test('is refused for more ghost layers than nodes and for a spacing of zero', () => {
    const grid: MeshMessage = {
      t: 'mesh',
      mesh: 'g',
      block: 0,
      kind: 'uniform',
      dims: [4, 4, 1],
      origin: [0, 0, 0],
      spacing: [1, 1, 0],
    };
    expect(codeOf(grid, [])).toBe('taken');
    expect(codeOf({ ...grid, ghost: [3, 2, 0, 0, 0, 0] }, [])).toBe('BAD_SHAPE');
    expect(codeOf({ ...grid, spacing: [0, 1, 1] }, [])).toBe('BAD_SHAPE');
  });
});

describe('extents', () => {
  const mesh = { kind: 'uniform', dims: [5, 4, 3], origin: [0, 0, 0], spacing: [1, 1, 1] } as const;

  test('count node and cell values', () => {
    expect(valueCount(mesh, 'node')).toBe(60);
    expect(valueCount(mesh, 'cell')).toBe(24);
    expect(valueCount({ ...mesh, dims: [5, 4, 1] }, 'cell')).toBe(12);
    expect(valueCount({ ...mesh, dims: [0, 4, 3] }, 'cell')).toBe(0);
    expect(valueCount({ kind: 'unstructured', ...TET }, 'cell')).toBe(1);
  });

  test('leave ghost layers out and take components apart', () => {
    const box = interior({ mesh, ghost: [1, 1, 0, 1, 1, 0] }, 'node');
    expect(box).toMatchObject({ dims: [3, 3, 2], count: 18 });
    const values = Float32Array.from({ length: 120 }, (_, i) => i);
    const bytes = extractComponent(frame(values), box, 4, 2, 1);
    const kept = [...new Float32Array(bytes.buffer)];
    const expected: number[] = [];
    for (let z = 1; z < 3; z++) {
      for (let y = 0; y < 3; y++) for (let x = 1; x < 4; x++) expected.push(2 * ((z * 4 + y) * 5 + x) + 1);
    }
    expect(kept).toEqual(expected);
  });
});

const grid = (marks: number, columns: number): [MeshMessage, Uint8Array[]] => [
  {
    t: 'mesh',
    mesh: 'amr',
    block: 3,
    kind: 'uniform',
    dims: [3, 3, 2],
    origin: [0, 0, 0],
    spacing: [1, 1, 1],
    level: 1,
    arrays: [
      { name: 'ghostCells', dtype: 'u8', shape: [marks] },
      { name: 'nesting', dtype: 'i64', shape: [1, columns] },
    ],
  },
  [frame(new Uint8Array(marks).fill(1)), frame(new BigInt64Array(columns))],
];

describe('what a mesh may have beside its geometry', () => {
  const FACES = [4, 3, 0, 1, 2, 3, 0, 1, 3, 3, 1, 2, 3, 3, 0, 2, 3];

  function polyhedron(faces = FACES, ends = [0, FACES.length]): [MeshMessage, Uint8Array[]] {
    const [message, frames] = tetMessage({ types: Uint8Array.from([42]) });
    message.arrays?.push(
      { name: 'faces', dtype: 'i32', shape: [faces.length] },
      { name: 'faceOffsets', dtype: 'i32', shape: [ends.length] },
    );
    return [message, [...frames, frame(Int32Array.from(faces)), frame(Int32Array.from(ends))]];
  }

  test('faces of polyhedra', () => {
    const { mesh } = readMesh(...polyhedron());
    expect(mesh).toMatchObject({ faces: Int32Array.from(FACES), faceOffsets: Int32Array.of(0, 17) });
  });

  test.each([
    ['a face too many', [5, ...FACES.slice(1)], undefined],
    ['a face too few', [3, ...FACES.slice(1)], undefined],
    ['a node that is not there', [...FACES.slice(0, -1), 4], undefined],
    ['a face of two', [1, 2, 0, 1], [0, 4]],
    ['a face beyond its part', [1, 9, 0, 1, 2], [0, 5]],
    ['no count', FACES, [0, 0]],
    ['offsets that run backwards', FACES, [0, -1]],
    ['offsets beyond', FACES, [0, 18]],
    ['too few offsets', FACES, [0]],
  ])('faces that lie are refused: %s', (_, faces, ends) => {
    expect(codeOf(...polyhedron(faces, ends))).toMatch(/BAD_/);
  });

  test('ghost marks and nesting have the lengths of their mesh', () => {
    expect(readMesh(...grid(4, 11))).toMatchObject({ level: 1, ghosts: { cell: Uint8Array.of(1, 1, 1, 1) } });
    expect(codeOf(...grid(5, 11))).toBe('BAD_SHAPE');
    expect(codeOf(...grid(4, 10))).toBe('BAD_SHAPE');
  });
});

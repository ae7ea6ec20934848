import { describe, expect, test } from 'vitest';
import { openArchive, openArchiveWriter } from '../../src/archive/index.js';
import { createCodec } from '../../src/codec/index.js';
import {
  decodeField,
  decodePart,
  parseBox,
  parseSlice,
  queryGrid,
  queryPoints,
} from '../../src/export/index.js';
import type { ExportField } from '../../src/export/index.js';
import type { Mesh } from '../../src/protocol/mesh.js';
import { OPTIONS, temporaryFolder } from '../archive/helpers.js';
import { decomposed, gridValues, lossless, modelled } from './helpers.js';

const f32 = (field: ExportField) => [...new Float32Array(new Uint8Array(field.data).buffer)];
const f64 = (field: ExportField) => [...new Float64Array(new Uint8Array(field.data).buffer)];

/** What a numpy slice [k0:k1, j0:j1, i0:i1] of the field has. */
function sliceOf(field: ExportField, [i0, i1, j0, j1, k0, k1]: number[]): number[] {
  const [, ny, nx] = field.shape as [number, number, number];
  const all = f32(field);
  const out: number[] = [];
  for (let k = k0!; k < k1!; k++)
    for (let j = j0!; j < j1!; j++) for (let i = i0!; i < i1!; i++) out.push(all[(k * ny + j) * nx + i]!);
  return out;
}

describe('a part of a grid', () => {
  test.each([true, false])(
    'of blocks stored exactly, by index and by place (index given: %s)',
    async (withIndex) => {
      const { archive, step } = await decomposed(withIndex);
      const codec = createCodec();
      const whole = await decodeField(archive, codec, step, 'u');
      const part = await decodePart(archive, codec, step, 'u', { slice: parseSlice('3:5,:,1:') });
      expect(part.shape).toEqual([2, 4, 2]);
      expect(part.lattice).toEqual({ dims: [2, 4, 2], origin: [11.5, 0, 2], spacing: [0.5, 1, 2] });
      expect(f32(part)).toEqual(sliceOf(whole, [3, 5, 0, 4, 1, 3]));
      const box = await decodePart(archive, codec, step, 'u', { box: parseBox('11.5:12,:,2:4') });
      expect(f32(box)).toEqual(f32(part));
      expect(box.lattice).toEqual(part.lattice);
    },
  );

  test('of cells', async () => {
    const folder = await temporaryFolder();
    const writer = await openArchiveWriter(folder, OPTIONS);
    const mesh: Mesh = { kind: 'uniform', dims: [6, 4, 3], origin: [10, 0, 0], spacing: [0.5, 1, 2] };
    await writer.writeMesh({ name: 'mesh', block: 0, mesh });
    const cells = lossless(gridValues([0, 0, 0], [5, 3, 2]), { association: 'cell' });
    await writer.commitStep({ step: 0, time: 0, fields: [cells] });
    await writer.close(true);
    const archive = await openArchive(folder);
    const step = await archive.readStep(0);
    const codec = createCodec();
    const whole = await decodeField(archive, codec, step, 'u');
    const part = await decodePart(archive, codec, step, 'u', { slice: parseSlice('1:4,2:3,0:2') });
    expect(part.shape).toEqual([2, 1, 3]);
    expect(f32(part)).toEqual(sliceOf(whole, [1, 4, 2, 3, 0, 2]));
    expect(part.lattice?.origin).toEqual([10.75, 2.5, 1]);
  });

  test('of models has the bits of the whole; blocks beside it are not looked at', async () => {
    const { archive, codec, step } = await modelled([
      { lo: 0, nx: 10 },
      { lo: 10, nx: 10 },
    ]);
    const whole = await decodeField(archive, codec, step, 'u');
    const across = await decodePart(archive, codec, step, 'u', { slice: parseSlice('7:13,2:9,4:5') });
    expect(f32(across)).toEqual(sliceOf(whole, [7, 13, 2, 9, 4, 5]));
    step.fields[1]!.payload = new Uint8Array(3); // damaged
    const left = await decodePart(archive, codec, step, 'u', { box: parseBox('2:9.9,0:3,:') });
    expect(f32(left)).toEqual(sliceOf(whole, [2, 10, 0, 4, 0, 12]));
    expect(left.blocks).toHaveLength(1);
  });

  test('that is empty, backwards or of no grid says so', async () => {
    const { archive, step } = await decomposed(true);
    const codec = createCodec();
    const ask = (options: Parameters<typeof decodePart>[4]) => decodePart(archive, codec, step, 'u', options);
    await expect(ask({ box: parseBox('10.1:10.2,:,:') })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(ask({ slice: parseSlice('9:,:,:') })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(() => parseBox('2:1,:,:')).toThrow(/three ranges/);
    expect(() => parseSlice('0:1.5,:,:')).toThrow(/three ranges/);
    expect(() => parseSlice('1,2,3')).toThrow(/three ranges/);
  });

  test('of an unstructured mesh: the values in the box, with their places', async () => {
    const mesh: Mesh = {
      kind: 'unstructured',
      points: Float32Array.of(0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 2, 3, 3, 3),
      connectivity: Int32Array.of(0, 1, 2, 3, 1, 2, 3, 4),
      offsets: Int32Array.of(0, 4, 8),
      types: Uint8Array.of(10, 10),
    };
    const folder = await temporaryFolder();
    const writer = await openArchiveWriter(folder, OPTIONS);
    await writer.writeMesh({ name: 'mesh', block: 0, mesh });
    const nodes = lossless(Float32Array.of(5, 6, 7, 8, 9));
    const cells = { ...lossless(Float32Array.of(1, 2), { association: 'cell' }), name: 'c' };
    await writer.commitStep({ step: 0, time: 0, fields: [nodes, cells] });
    await writer.close(true);
    const archive = await openArchive(folder);
    const step = await archive.readStep(0);
    const part = await decodePart(archive, createCodec(), step, 'u', { box: parseBox('1:,:,0:3') });
    expect([part.shape, f32(part)]).toEqual([[2], [6, 9]]);
    expect([...part.points!]).toEqual([2, 0, 0, 3, 3, 3]);
    const cell = await decodePart(archive, createCodec(), step, 'c', { box: parseBox('1:,:,:') });
    expect([f32(cell), [...cell.points!]]).toEqual([[2], [1.25, 1.25, 1.25]]);
    await expect(
      decodePart(archive, createCodec(), step, 'u', { slice: parseSlice(':,:,:') }),
    ).rejects.toMatchObject({ code: 'UNSUPPORTED' });
  });
});

/** Where the slopes at index (i, j, k) of the 20 x 16 x 12 nodes begin. */
const place = (i: number, j: number, k: number) => 3 * ((k * 16 + j) * 20 + i);

describe('slopes', () => {
  test('at samples, on grids and at points are the same, and those of the values', async () => {
    const { archive, codec, step } = await modelled([
      { lo: 0, nx: 10 },
      { lo: 10, nx: 10 },
    ]);
    const part = await decodePart(archive, codec, step, 'u', { gradient: true });
    expect(part.shape).toEqual([12, 16, 20, 3]);
    expect(part.name).toBe('grad_u');
    const samples = f64(part);
    const here = Float64Array.of(4, 5, 6, 13, 2, 7);
    const points = f64(await queryPoints(codec, step, 'u', here, { gradient: true }));
    expect(points).toEqual([
      ...samples.slice(place(4, 5, 6), place(4, 5, 6) + 3),
      ...samples.slice(place(13, 2, 7), place(13, 2, 7) + 3),
    ]);
    const grid = f64(await queryGrid(codec, step, 'u', [20, 16, 12], { gradient: true }));
    expect(Math.max(...grid.map((x, i) => Math.abs(x - samples[i]!)))).toBeLessThan(1e-4);
    const beside = f64(await queryPoints(codec, step, 'u', Float64Array.of(4, 4.99, 6, 4, 5.01, 6)));
    expect((beside[1]! - beside[0]!) / 0.02).toBeCloseTo(points[1]!, 2);
  });

  test('need a model', async () => {
    const { archive, step } = await decomposed(true);
    await expect(decodePart(archive, createCodec(), step, 'u', { gradient: true })).rejects.toMatchObject({
      code: 'UNSUPPORTED',
    });
  });
});

test('a grid over a box', async () => {
  const { codec, step } = await modelled([{ lo: 0, nx: 20 }]);
  const fine = await queryGrid(codec, step, 'u', [3, 2, 5], { box: parseBox('4:6,3:3.5,:') });
  expect(fine.lattice).toEqual({ dims: [3, 2, 5], origin: [4, 3, 0], spacing: [1, 0.5, 2.75] });
  const points = Float64Array.of(5, 3.5, 2.75);
  expect(f64(fine)[(1 * 2 + 1) * 3 + 1]).toBe(f64(await queryPoints(codec, step, 'u', points))[0]);
});

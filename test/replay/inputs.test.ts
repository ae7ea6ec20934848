import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openInput, type Input } from '../../src/replay/index.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'gaussitu-inputs-'));
  execFileSync('/usr/bin/python3', [join(import.meta.dirname, 'make_inputs.py'), folder]);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The value of make_inputs.py's field at every point, x fastest. */
const FIELD = Array.from(
  { length: 60 },
  (_, i) => (i % 5) + 10 * (Math.floor(i / 5) % 4) + 100 * Math.floor(i / 20),
);

async function values(input: Input, step: number, field: string): Promise<number[][]> {
  const blocks = await input.readField(step, field);
  return blocks.map(({ data, dtype }) => {
    const view = new DataView(data.buffer, data.byteOffset, data.length);
    const size = { f32: 4, f64: 8, i64: 8 }[dtype as 'f32'];
    return Array.from({ length: data.length / size }, (_, i) =>
      dtype === 'f32'
        ? view.getFloat32(i * 4, true)
        : dtype === 'f64'
          ? view.getFloat64(i * 8, true)
          : Number(view.getBigInt64(i * 8, true)),
    );
  });
}

describe('HDF5 made by h5py', () => {
  test('one dataset per field and step', async () => {
    const input = await openInput(join(folder, 'suffix.h5'));
    expect(input.steps).toEqual([0, 1, 2]);
    expect(input.fields).toMatchObject([
      { name: 'n', dtype: 'i64', components: 1 },
      { name: 'u', dtype: 'f32', units: 'm/s' },
    ]);
    expect(input.time(2)).toBe(0.5);
    expect(await values(input, 2, 'u')).toEqual([FIELD.map((v) => v + 2000)]);
    expect(await values(input, 1, 'n')).toEqual([FIELD.map((v) => v + 1)]);
    expect(await input.mesh('mesh', 0)).toEqual([
      {
        name: 'mesh',
        block: 0,
        mesh: { kind: 'uniform', dims: [5, 4, 3], origin: [1, 2, 3], spacing: [0.5, 1, 2] },
      },
    ]);
    input.close();
  });

  test('one group per step, vectors interleaved, gzip and shuffle, a field that is missing once', async () => {
    const input = await openInput(join(folder, 'groups.h5'));
    expect(input.steps).toEqual([0, 10, 30]);
    expect(input.fields).toMatchObject([{ name: 'p' }, { name: 'v', components: 3, dtype: 'f64' }]);
    expect(input.time(30)).toBe(3);
    expect(input.has(10, 'p')).toBe(false);
    expect((await values(input, 10, 'v'))[0]?.slice(3, 9)).toEqual([11, -1, 0, 12, -2, 0]);
    expect(await values(input, 30, 'p')).toEqual([FIELD]);
    await expect(input.readField(10, 'p')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    input.close();
  });

  test('a time axis, big-endian, with coordinate axes', async () => {
    const input = await openInput(join(folder, 'axis.h5'));
    expect(input.fields.map((f) => f.name)).toEqual(['T', 'surface']);
    expect(input.steps).toEqual([0, 1]);
    expect(input.time(1)).toBe(6);
    expect(await values(input, 1, 'T')).toEqual([FIELD.map((v) => v + 7)]);
    expect(await values(input, 0, 'surface')).toEqual([FIELD.slice(0, 20)]);
    const mesh = await input.mesh(input.fields[0]!.mesh, 0);
    expect(mesh[0]?.mesh).toMatchObject({
      kind: 'rectilinear',
      dims: [5, 4, 3],
      x: Float64Array.of(0, 1, 3, 6, 10),
    });
    expect((await input.mesh(input.fields[1]!.mesh, 0))[0]?.mesh).toMatchObject({ dims: [5, 4, 1] });
    input.close();
  });

  test('selected fields and steps, as Python slices', async () => {
    const steps = async (slice: string) =>
      (await openInput(join(folder, 'groups.h5'), { steps: slice, fields: ['v'] })).steps;
    expect(await steps('0:2')).toEqual([0, 10]);
    expect(await steps('1:')).toEqual([10, 30]);
    expect(await steps(':3:2')).toEqual([0, 30]);
    expect(await steps('-1:')).toEqual([30]);
    expect(await steps('-1')).toEqual([30]);
    expect(await steps('1')).toEqual([10]);
    expect(await steps(':-1')).toEqual([0, 10]);
    for (const wrong of ['', 'a', '1:2:0', '3:', '1,2', '2:1']) {
      await expect(steps(wrong)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    }
    await expect(openInput(join(folder, 'groups.h5'), { fields: ['w'] })).rejects.toThrow(
      /w: expected one of p, v/,
    );
  });
});

describe('VTKHDF made by h5py', () => {
  test('ImageData: point and cell data, extent and origin', async () => {
    const input = await openInput(join(folder, 'image.vtkhdf'));
    expect(input.fields).toMatchObject([
      { name: 'u', association: 'node' },
      { name: 'c', association: 'cell', dtype: 'f64' },
    ]);
    expect(await values(input, 0, 'u')).toEqual([FIELD]);
    expect((await values(input, 0, 'c'))[0]).toHaveLength(24);
    expect((await input.mesh('mesh', 0))[0]?.mesh).toEqual({
      kind: 'uniform',
      dims: [5, 4, 3],
      origin: [2, 10, 20],
      spacing: [2, 1, 1],
    });
    input.close();
  });

  test('ImageData with steps', async () => {
    const input = await openInput(join(folder, 'image_time.vtkhdf'));
    expect([input.steps, input.time(1)]).toEqual([[0, 1], 1.5]);
    expect(await values(input, 0, 'u')).toEqual([FIELD.map((v) => v + 1)]);
    expect(await values(input, 1, 'u')).toEqual([FIELD]);
    input.close();
  });

  test('UnstructuredGrid with parts and steps: one block per part, the mesh is read once', async () => {
    const input = await openInput(join(folder, 'grid_time.vtkhdf'));
    expect(await values(input, 1, 'p')).toEqual([
      [9, 10, 11, 12, 13],
      [14, 15, 16, 17],
    ]);
    expect(await values(input, 1, 'q')).toEqual([
      [9, 10, 11, 12, 13, 14],
      [15, 16, 17],
    ]);
    const mesh = await input.mesh('mesh', 0);
    expect(await input.mesh('mesh', 1)).toBe(mesh);
    expect(mesh).toHaveLength(2);
    expect(mesh[0]?.mesh).toMatchObject({
      offsets: BigInt64Array.of(0n, 4n, 8n),
      types: Uint8Array.of(10, 10),
    });
    expect(mesh[1]?.mesh).toMatchObject({ connectivity: BigInt64Array.of(0n, 1n, 2n, 3n), points: { 0: 5 } });
    input.close();
  });

  test('what is not known is named', async () => {
    await expect(openInput(join(folder, 'poly.vtkhdf'))).rejects.toThrow(
      /ImageData or UnstructuredGrid, received PolyData/,
    );
  });
});

describe('damaged or foreign files', () => {
  test('say which file, and never crash', async () => {
    await expect(openInput(join(folder, 'nothing.h5'))).rejects.toMatchObject({ code: 'NOT_FOUND' });
    writeFileSync(join(folder, 'text.h5'), 'hello, I am not HDF5 at all');
    await expect(openInput(join(folder, 'text.h5'))).rejects.toThrow(/text.h5: is not an HDF5 file/);
    await expect(openInput(folder)).rejects.toThrow(/no meta.json/);
    const whole = readFileSync(join(folder, 'suffix.h5'));
    for (const length of [8, 100, 1000, Math.floor(whole.length / 2), whole.length - 1]) {
      writeFileSync(join(folder, 'cut.h5'), whole.subarray(0, length));
      await expect(openInput(join(folder, 'cut.h5'))).rejects.toMatchObject({
        code: 'INVALID_INPUT',
      });
    }
  });
});

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createCodec } from '../../src/codec/index.js';
import { decodeField, queryGrid, queryPoints, withCoarserModels } from '../../src/export/index.js';
import { openInput } from '../../src/replay/index.js';
import { verifyRun } from '../../src/verify/index.js';
import { MODELLED, decomposed, gridValues, modelled, wave } from './helpers.js';

describe('blocks of a decomposed grid', () => {
  test.each([true, false])('come together to the whole grid (index given: %s)', async (withIndex) => {
    const { archive, step } = await decomposed(withIndex);
    const field = await decodeField(archive, createCodec(), step, 'u');
    expect(field.shape).toEqual([3, 4, 6]);
    expect(field.lattice).toEqual({ dims: [6, 4, 3], origin: [10, 0, 0], spacing: [0.5, 1, 2] });
    expect([...new Float32Array(new Uint8Array(field.data).buffer)]).toEqual([
      ...gridValues([0, 0, 0], [6, 4, 3]),
    ]);
    const one = await decodeField(archive, createCodec(), step, 'u', { block: 1 });
    expect(one.shape).toEqual([3, 4, 2]);
    expect(one.lattice?.origin).toEqual([12, 0, 0]);
  });

  test('verify against an input of the whole grid, and finds what is wrong with it', async () => {
    const { archive, folder } = await decomposed(true);
    const values = gridValues([0, 0, 0], [6, 4, 3]);
    await writeFile(
      join(folder, 'meta.json'),
      JSON.stringify({ dims: [6, 4, 3], fields: ['u'], steps: 1, times: [0.5] }),
    );
    await writeFile(join(folder, 'u_000.f32'), values);
    const good = await verifyRun(archive, await openInput(folder), createCodec());
    expect(good).toMatchObject({ ok: true, fields: [{ name: 'u', maxError: 0 }] });
    values[5] = 77;
    await writeFile(join(folder, 'u_000.f32'), values);
    const bad = await verifyRun(archive, await openInput(folder), createCodec());
    expect(bad.ok).toBe(false);
    expect(bad.problems[0]).toMatchObject({ file: 'step_000000.h5', step: 0, field: 'u' });
    expect(bad.problems[0]?.message).toMatch(/largest error is 72/);
  });
});

test('a block that decodes to another array than the certified one is not handed out', async () => {
  const { archive, codec, step } = await modelled([{ lo: 0, nx: 20 }]);
  const fields = step.fields.map((f) => ({ ...f, certificate: { ...f.certificate, crc: 1 } }));
  await expect(decodeField(archive, codec, { ...step, fields }, 'u')).rejects.toMatchObject({
    code: 'CORRUPT_STREAM',
    message: expect.stringContaining('as its certificate says') as string,
  });
  const preview = await withCoarserModels(codec, step, 'u', 0.5);
  expect((await decodeField(archive, codec, preview, 'u')).shape).toEqual([12, 16, 20]);
});

describe('a model', () => {
  const dims = MODELLED;

  test('answers at points and on grids; NaN outside', async () => {
    const { codec, archive, step } = await modelled([{ lo: 0, nx: 20 }]);
    const points = Float64Array.of(3, 4, 5, 10.5, 7.25, 6.5, -50, 0, 0);
    const { data, dtype } = await queryPoints(codec, step, 'u', points);
    expect(dtype).toBe('f64');
    const values = new Float64Array(new Uint8Array(data).buffer);
    expect(values[0]).toBeCloseTo(wave(3, 4, 5), 0);
    expect(values[1]).toBeCloseTo(wave(10.5, 7.25, 6.5), 0);
    expect(values[2]).toBeNaN();
    // A grid with the nodes of the field gives what decoding does.
    const whole = await decodeField(archive, codec, step, 'u');
    const grid = await queryGrid(codec, step, 'u', dims);
    expect(grid.shape).toEqual(whole.shape);
    expect(grid.lattice?.spacing).toEqual([1, 1, 1]);
    const direct = new Float32Array(new Uint8Array(whole.data).buffer);
    const queried = new Float64Array(new Uint8Array(grid.data).buffer);
    expect(Math.max(...direct.map((v, i) => Math.abs(v - queried[i]!)))).toBeLessThan(1e-5);
    expect((await queryGrid(codec, step, 'u', [5, 1, 7])).shape).toEqual([7, 1, 5]);
  });

  test('of several blocks answers from the block that a point is in', async () => {
    const { codec, step } = await modelled([
      { lo: 0, nx: 10 },
      { lo: 10, nx: 10 },
    ]);
    const points = Float64Array.of(15, 4, 5, 2, 8, 3);
    const values = new Float64Array(
      new Uint8Array((await queryPoints(codec, step, 'u', points)).data).buffer,
    );
    expect(values[0]).toBeCloseTo(wave(15, 4, 5), 0);
    expect(values[1]).toBeCloseTo(wave(2, 8, 3), 0);
    expect((await queryGrid(codec, step, 'u', [20, 16, 12])).lattice).toMatchObject({
      origin: [0, 0, 0],
      spacing: [1, 1, 1],
    });
  });

  test('is needed to evaluate between samples', async () => {
    const { archive, step } = await decomposed(true);
    expect(archive.info.run).toBe('a-run');
    await expect(queryGrid(createCodec(), step, 'u', [2, 2, 2])).rejects.toMatchObject({
      code: 'UNSUPPORTED',
    });
    await expect(decodeField(archive, createCodec(), step, 'w')).rejects.toThrow(/expected one of u/);
    await expect(decodeField(archive, createCodec(), step, 'u', { block: 7 })).rejects.toThrow(
      /one of the blocks 0, 1/,
    );
  });
});

import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { SourceEvent } from '../../src/protocol/source.js';
import { openInput, replaySource } from '../../src/replay/index.js';
import { blankFill } from '../../src/protocol/fill.js';
import { temporaryFolder } from '../archive/helpers.js';

const DATA = process.env['GAUSSITU_DATA'] ?? '';

async function rawFolder(
  meta: object,
  files: Record<string, Uint8Array | Float32Array | Float64Array | Int32Array> = {},
): Promise<string> {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'meta.json'), JSON.stringify(meta));
  for (const [name, data] of Object.entries(files)) await writeFile(join(folder, name), data);
  return folder;
}
const GRID = { dims: [2, 2, 1], fields: ['u'], steps: 3, file_pattern: '<field>.<step:02d>.bin' };

function numbers(data: Uint8Array): number[] {
  return [...new Float64Array(new Uint8Array(data).buffer)];
}

describe('a folder of raw arrays', () => {
  test('is read by its meta.json; fill values are named, and become NaN where a model needs it', async () => {
    const folder = await rawFolder(
      { ...GRID, dtype: '<f8', times: [0, 2, 4], units: { u: 'K' }, fill_value: 1e20, association: 'point' },
      { 'u.01.bin': Float64Array.of(1, 1e20, 3, 4) },
    );
    const input = await openInput(folder, { steps: '1:' });
    expect([input.steps, input.time(2)]).toEqual([[1, 2], 4]);
    const [block] = await input.readField(1, 'u');
    expect(block).toMatchObject({
      field: 'u',
      step: 1,
      time: 2,
      dtype: 'f64',
      units: 'K',
      association: 'node',
      fill: 1e20,
    });
    expect(numbers(block!.data)).toEqual([1, 1e20, 3, 4]);
    expect(numbers(blankFill(block!.data, 'f64', block!.fill))).toEqual([1, Number.NaN, 3, 4]);
    await expect(input.readField(2, 'u')).rejects.toThrow(/u\.02\.bin cannot be read/);
  });

  test('keeps the step numbers and ghost layers of spilled steps', async () => {
    const folder = await rawFolder(
      {
        ...GRID,
        dims: [4, 1, 1],
        steps: 2,
        step_numbers: [3, 7],
        times: [0.3, 0.7],
        ghost: [1, 1, 0, 0, 0, 0],
      },
      { 'u.01.bin': Float32Array.of(9, 1, 2, 9) },
    );
    const input = await openInput(folder);
    expect([input.steps, input.time(7), input.has(7, 'u'), input.has(1, 'u')]).toEqual([
      [3, 7],
      0.7,
      true,
      false,
    ]);
    const [mesh] = await input.mesh('u', 7);
    expect(mesh).toMatchObject({ ghost: [1, 1, 0, 0, 0, 0] });
    const [block] = await input.readField(7, 'u');
    expect(block).toMatchObject({ step: 7, time: 0.7 });
    expect([...new Float32Array(new Uint8Array(block!.data).buffer)]).toEqual([9, 1, 2, 9]);
  });

  test('says what is wrong with it', async () => {
    const wrong: [object, Record<string, Uint8Array | Float32Array | Float64Array | Int32Array>, RegExp][] = [
      [{ ...GRID, dims: [2, 0, 1] }, {}, /dims\[1\]/],
      [{ ...GRID, steps: undefined }, {}, /steps/],
      [{ ...GRID, times: [1] }, {}, /times: expected 3 numbers/],
      [{ ...GRID, step_numbers: [1, 1, 2] }, {}, /step_numbers: expected 3 rising numbers/],
      [{ ...GRID, dims: undefined }, {}, /dims \(a grid\) or coords_file/],
      [{ ...GRID, file_pattern: 'u.bin' }, {}, /file_pattern/],
      [{ ...GRID, coords_file: '../secret' }, {}, /plain file name/],
    ];
    for (const [meta, files, message] of wrong) {
      await expect(openInput(await rawFolder(meta, files))).rejects.toThrow(message);
    }
    const short = await openInput(await rawFolder(GRID, { 'u.00.bin': Float32Array.of(1, 2, 3) }));
    await expect(short.readField(0, 'u')).rejects.toThrow(/expected 16 bytes or numbers, received 12/);
    const packed = await openInput(
      await rawFolder(
        {
          ...GRID,
          dims: undefined,
          coords_file: 'c',
          connectivity_file: 'tets.i32',
          packed: { 'tets.i32': 'tets.i32.xz' },
        },
        { c: new Float32Array(9), 'u.00.bin': new Float32Array(3) },
      ),
    );
    await expect(packed.mesh('mesh', 0)).rejects.toThrow(/xz -dk tets.i32.xz/);
  });

  test('cells of one kind need no offsets', async () => {
    const folder = await rawFolder(
      {
        fields: ['p'],
        steps: 1,
        association: 'cell',
        coords_file: 'c',
        connectivity_file: 't',
        cell_types: { 10: 2 },
      },
      {
        c: new Float32Array(15),
        t: Int32Array.of(0, 1, 2, 3, 1, 2, 3, 4),
        'p_000.f32': Float32Array.of(5, 6),
      },
    );
    const input = await openInput(folder);
    expect((await input.mesh('mesh', 0))[0]?.mesh).toMatchObject({
      kind: 'unstructured',
      offsets: Int32Array.of(0, 4, 8),
      types: Uint8Array.of(10, 10),
    });
    expect(await input.readField(0, 'p')).toMatchObject([{ association: 'cell', data: { length: 8 } }]);
  });

  test.skipIf(!existsSync(DATA))('real data: every case of GAUSSITU_DATA opens', async () => {
    const kinds: Record<string, string> = {
      ipcc_tos: 'uniform',
      vtk_carotid: 'uniform',
      vtk_bluntfin: 'curvilinear',
      vtk_disk_out_ref: 'unstructured',
      openfoam_channel395: 'unstructured',
    };
    for (const [name, kind] of Object.entries(kinds)) {
      const input = await openInput(join(DATA, name));
      expect((await input.mesh('mesh', 0))[0]?.mesh.kind).toBe(kind);
      for (const field of input.fields)
        expect(await input.readField(input.steps.at(-1)!, field.name)).toHaveLength(1);
    }
    const tos = await (await openInput(join(DATA, 'ipcc_tos'))).readField(0, 'tos');
    const blank = blankFill(tos[0]!.data, 'f32', tos[0]!.fill);
    const values = new Float32Array(new Uint8Array(blank).buffer);
    expect(values.filter((v) => v > 1e10)).toHaveLength(0);
    expect(values.some((v) => Number.isNaN(v))).toBe(true);
  });
});

describe('replay', () => {
  test('emits meshes once, fields in order, and waits while too much is unreleased', async () => {
    const files = Object.fromEntries(
      [0, 1, 2].flatMap((s) => ['u', 'v'].map((f) => [`${f}.0${s}.bin`, new Float32Array(4).fill(s)])),
    );
    const input = await openInput(await rawFolder({ ...GRID, fields: ['u', 'v'] }, files));
    const events: SourceEvent[] = [];
    const releases: (() => void)[] = [];
    const source = replaySource(input, { run: 'r', memory: 20 });
    const done = new Promise<void>((resolve, reject) =>
      source.events.subscribe({
        next: (event) => {
          events.push(event);
          if (event.type === 'field') releases.push(event.release);
        },
        complete: resolve,
        error: reject,
      }),
    );
    while (events.length < 4) await setTimeout(20);
    await setTimeout(200);
    // 16 bytes each: two fields are over the limit of 20, so the third waits.
    expect(events.map((e) => e.type)).toEqual(['mesh', 'field', 'field', 'step']);
    for (let i = 0; i < 6; i++) {
      while (!releases[i]) await setTimeout(20);
      releases[i]?.();
      releases[i]?.();
    }
    await done;
    expect(
      events
        .filter((e) => e.type !== 'mesh')
        .map((e) => (e.type === 'field' ? `${e.field.field}${e.field.step}` : e.type)),
    ).toEqual(['u0', 'v0', 'step', 'u1', 'v1', 'step', 'u2', 'v2', 'step']);
  });

  test('reports a damaged step as the failure of the run', async () => {
    const input = await openInput(
      await rawFolder(GRID, { 'u.00.bin': new Float32Array(4), 'u.01.bin': new Float32Array(3) }),
    );
    const error = await new Promise((resolve) =>
      replaySource(input, { run: 'r', memory: 1e9 }).events.subscribe({ error: resolve }),
    );
    expect(error).toMatchObject({ code: 'INVALID_INPUT' });
  });
});

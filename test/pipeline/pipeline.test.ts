import { createHash } from 'node:crypto';
import { readFile, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32, inflateSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { openArchive, type FieldEntry } from '../../src/archive/index.js';
import { BlockDecoder } from '../../src/export/index.js';
import { parseRunFile, mergeSettings } from '../../src/config/index.js';
import { wave } from '../support/client.js';
import { TestRun, codec, temporaryFolder, uniform } from './support.js';

const DIMS = [32, 24, 16] as const;
const GRID = uniform(DIMS);
const RAW = 32 * 24 * 16 * 4;

async function entries(folder: string, step: number): Promise<Map<string, FieldEntry>> {
  const reader = await openArchive(folder);
  return new Map((await reader.readStep(step)).fields.map((field) => [field.name, field]));
}

function psnr(original: Float32Array, decoded: ArrayLike<number>): number {
  let [lo, hi, squares] = [Infinity, -Infinity, 0];
  original.forEach((value, i) => {
    lo = Math.min(lo, value);
    hi = Math.max(hi, value);
    squares += (value - (decoded[i] ?? Number.NaN)) ** 2;
  });
  return 20 * Math.log10((hi - lo) / Math.sqrt(squares / original.length));
}

/** Everything that is stored but the time that training took. */
async function digest(folder: string): Promise<string[]> {
  const reader = await openArchive(folder);
  const lines: string[] = [];
  for (const step of await reader.steps()) {
    for (const { name, payload, certificate } of (await reader.readStep(step)).fields) {
      const hash = createHash('sha256').update(payload).digest('hex');
      lines.push(`${step} ${name} ${hash} ${JSON.stringify({ ...certificate, trainSeconds: 0 })}`);
    }
  }
  return lines;
}

/** Three steps of two fields, stored with so many threads and such a window. */
async function produce(threads: number, window: number | undefined): Promise<string[]> {
  codec.setThreads(threads);
  const run = new TestRun(await temporaryFolder());
  if (window !== undefined) run.window = window;
  await run.start({ fields: [{ match: '*', target: { ratio: 20 } }] });
  run.mesh(GRID);
  for (let step = 0; step < 3; step++) {
    run.step(step, { u: wave(DIMS, step), v: wave(DIMS, step, 1) });
  }
  await run.finish();
  return digest(run.folder);
}

describe('the pipeline', () => {
  test('stores what decodes to the certificate, step by step, warm after the first', async () => {
    const run = await new TestRun(await temporaryFolder()).start({
      fields: [{ match: '*', target: { ratio: 20 } }],
    });
    run.mesh(GRID);
    for (let step = 0; step < 3; step++) run.step(step, { u: wave(DIMS, step) });
    const result = await run.finish();
    expect(result).toMatchObject({ steps: 3, rawBytes: 3 * RAW, dropped: 0, failures: [] });
    expect(run.acknowledged.map((summary) => summary.step)).toEqual([0, 1, 2]);
    expect(run.held).toBe(0);
    let whole: Uint8Array | undefined;
    for (let step = 0; step < 3; step++) {
      const u = (await entries(run.folder, step)).get('u')!;
      expect(u).toMatchObject({ kind: 'gaussian', certificate: { start: step === 0 ? 'cold' : 'warm' } });
      // After the first step there are changes to the one before alone.
      expect(u.references?.earlier).toEqual(step === 0 ? undefined : [step - 1]);
      whole = whole ? await codec.resolve(u.payload, whole) : u.payload;
      const { values } = await codec.decode(whole, { mesh: GRID, association: 'node' }, 'f32');
      expect(crc32(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))).toBe(
        u.certificate.crc,
      );
      expect(psnr(wave(DIMS, step), values)).toBeCloseTo(u.certificate.psnr, 3);
      expect(u.certificate.psnr).toBeGreaterThan(30);
    }
  });

  test.each([1, 2, 5])(
    'meets a ratio within 3 % over a run of %i steps, every byte counted',
    async (steps) => {
      const run = await new TestRun(await temporaryFolder()).start({
        fields: [
          { match: 'u', target: { ratio: 12 } },
          { match: '*', target: { ratio: 24 } },
        ],
      });
      run.mesh(GRID);
      for (let step = 0; step < steps; step++) {
        run.step(step, { u: wave(DIMS, step), v: wave(DIMS, step, 1), w: wave(DIMS, 3 * step, 2) });
      }
      await run.finish();
      let onDisk = 0;
      for (const name of await readdir(run.folder)) onDisk += (await readFile(join(run.folder, name))).length;
      const stored = (name: string): number =>
        run.acknowledged.reduce((sum, s) => sum + s.fields.find((f) => f.field === name)!.storedBytes, 0);
      for (const [name, ratio] of [
        ['u', 12],
        ['v', 24],
        ['w', 24],
      ] as const) {
        expect((steps * RAW) / run.archive!.totals(name).stored / ratio).toBeGreaterThan(0.97);
        expect((steps * RAW) / run.archive!.totals(name).stored / ratio).toBeLessThan(1.03);
        expect(stored(name)).toBeLessThanOrEqual(run.archive!.totals(name).stored);
      }
      const totals = ['u', 'v', 'w'].reduce((sum, name) => sum + run.archive!.totals(name).stored, 0);
      expect(Math.abs(onDisk - totals)).toBeLessThan(0.01 * onDisk);
    },
  );

  test('shares bytes per step over the fields by their raw bytes', async () => {
    const run = await new TestRun(await temporaryFolder()).start({
      fields: [{ match: '*', target: { bytes: 12_000 } }],
    });
    run.mesh(GRID);
    run.mesh(uniform([32, 24, 8]), { name: 'half' });
    for (let step = 0; step < 3; step++) {
      run.field(step, 'u', wave(DIMS, step));
      run.field(step, 'h', wave([32, 24, 8], step), { mesh: 'half' });
      run.step(step);
    }
    await run.finish();
    for (const summary of run.acknowledged) {
      expect(summary.storedBytes).toBeGreaterThan(0.93 * 12_000);
      expect(summary.storedBytes).toBeLessThan(1.02 * 12_000);
      const [h, u] = ['h', 'u'].map((name) => summary.fields.find((f) => f.field === name)!.storedBytes);
      expect(u! / h!).toBeGreaterThan(1.6);
      expect(u! / h!).toBeLessThan(2.4);
    }
  });

  test('meets a PSNR from above', async () => {
    const run = await new TestRun(await temporaryFolder()).start({
      fields: [{ match: '*', target: { psnr: 38 } }],
    });
    run.mesh(GRID);
    run.step(0, { u: wave(DIMS, 0) });
    await run.finish();
    expect(run.acknowledged[0]!.fields[0]!.psnr).toBeGreaterThanOrEqual(38);
  });

  test('stores integers, constants, tiny, empty and non-finite fields as what they are', async () => {
    const run = await new TestRun(await temporaryFolder()).start({
      fields: [{ match: 'exact', model: false }],
    });
    const small = uniform([4, 3, 2]);
    run.mesh(GRID, { ghost: [1, 1, 0, 0, 0, 0] });
    run.mesh(small, { name: 'small' });
    run.mesh(uniform([0, 3, 2]), { name: 'none' });
    const count = 32 * 24 * 16;
    const ids = BigInt64Array.from({ length: count }, (_, i) => BigInt(i) * 3_000_000_000n);
    const holes = wave(DIMS, 0);
    holes.set([Number.NaN, Infinity, -Infinity], 100);
    const random = Float32Array.from({ length: 24 }, (_, i) => Math.sin(i * i));
    run.field(0, 'ids', ids, { dtype: 'i64' });
    run.field(
      0,
      'mask',
      Uint8Array.from({ length: count }, (_, i) => i % 7),
      { dtype: 'u8' },
    );
    run.field(0, 'constant', new Float32Array(count).fill(2.5));
    run.field(0, 'allNaN', new Float64Array(count).fill(Number.NaN), { dtype: 'f64' });
    run.field(0, 'holes', holes);
    run.field(0, 'exact', wave(DIMS, 0));
    run.field(0, 'tiny', random, { mesh: 'small' });
    run.field(0, 'empty', new Float32Array(0), { mesh: 'none' });
    run.step(0);
    expect((await run.finish()).failures).toEqual([]);

    const stored = await entries(run.folder, 0);
    const kinds = Object.fromEntries([...stored].map(([name, entry]) => [name, entry.kind]));
    expect(kinds).toEqual({
      ids: 'lossless',
      mask: 'lossless',
      constant: 'constant',
      allNaN: 'lossless',
      holes: 'gaussian',
      exact: 'lossless',
      tiny: 'lossless',
      empty: 'empty',
    });
    const inner = 30 * 24 * 16;
    expect(stored.get('constant')!.certificate).toMatchObject({
      valueMin: 2.5,
      valueMax: 2.5,
      values: inner,
    });
    const kept = ids.filter((_, i) => i % 32 !== 0 && i % 32 !== 31);
    const back = inflateSync(stored.get('ids')!.payload);
    expect(back.equals(Buffer.from(kept.buffer, kept.byteOffset, kept.byteLength))).toBe(true);
    expect(stored.get('ids')!.certificate).toMatchObject({
      values: inner,
      crc: crc32(back),
      rawBytes: inner * 8,
    });
    expect(inflateSync(stored.get('tiny')!.payload).equals(Buffer.from(random.buffer))).toBe(true);
    expect(stored.get('holes')!.certificate).toMatchObject({ nonFinite: 3, values: inner });
    expect(stored.get('holes')!.certificate.psnr).toBeGreaterThan(15);
    expect(stored.get('allNaN')!.certificate.nonFinite).toBe(inner);
  });

  test('takes vectors apart', async () => {
    const run = await new TestRun(await temporaryFolder()).start({
      fields: [
        { match: 'velocity_y', target: { ratio: 30 } },
        { match: 'velocity', target: { ratio: 15 } },
      ],
    });
    run.mesh(GRID);
    const parts = [0, 1, 2].map((phase) => wave(DIMS, 0, phase));
    const vector = Float32Array.from(
      { length: 3 * parts[0]!.length },
      (_, i) => parts[i % 3]![Math.floor(i / 3)]!,
    );
    run.field(0, 'velocity', vector, { components: 3, units: 'm/s' });
    run.step(0);
    await run.finish();
    expect(run.held).toBe(0);
    const stored = await entries(run.folder, 0);
    expect([...stored.keys()].sort()).toEqual(['velocity_x', 'velocity_y', 'velocity_z']);
    for (const [i, name] of ['velocity_x', 'velocity_y', 'velocity_z'].entries()) {
      const entry = stored.get(name)!;
      const { values } = await codec.decode(entry.payload, { mesh: GRID, association: 'node' }, 'f32');
      expect(psnr(parts[i]!, values)).toBeCloseTo(entry.certificate.psnr, 3);
      expect(entry.units).toBe('m/s');
    }
    expect(stored.get('velocity_y')!.storedBytes).toBeLessThan(0.7 * stored.get('velocity_x')!.storedBytes);
  });

  test('goes on when fields appear, vanish and change shape', async () => {
    const run = await new TestRun(await temporaryFolder()).start({
      fields: [{ match: '*', target: { ratio: 20 } }],
    });
    run.mesh(GRID);
    run.step(0, { u: wave(DIMS, 0), v: wave(DIMS, 0, 1) });
    run.step(1, { u: wave(DIMS, 1) });
    const other = [20, 30, 16] as const;
    run.mesh(uniform(other));
    run.step(2, { u: wave(other, 2), v: wave(other, 2, 1), w: wave(other, 2, 2) });
    run.step(3, { u: wave(other, 3) });
    expect((await run.finish()).failures).toEqual([]);
    const starts = await Promise.all(
      [0, 1, 2, 3].map(async (step) =>
        [...(await entries(run.folder, step)).values()].map((e) => e.certificate.start),
      ),
    );
    expect(starts).toEqual([['cold', 'cold'], ['warm'], ['cold', 'cold', 'cold'], ['warm']]);
    expect(run.logged.some((line) => String(line['msg']).includes('u changed shape: cold start'))).toBe(true);
    const reader = await openArchive(run.folder);
    expect((await reader.readMesh('grid', 0, 1))?.mesh).toMatchObject({ dims: DIMS });
    expect((await reader.readMesh('grid', 0, 3))?.mesh).toMatchObject({ dims: other });
  });

  test('loses one field, not the step, when a field cannot be stored', async () => {
    const run = await new TestRun(await temporaryFolder()).start();
    run.mesh(GRID);
    run.field(0, 'u', wave(DIMS, 0));
    run.field(0, 'lost', wave(DIMS, 0), { mesh: 'nowhere' });
    run.field(0, 'short', wave([4, 4, 4], 0));
    run.field(0, 'v_x', wave(DIMS, 0));
    run.field(0, 'v', new Float32Array(RAW / 2), { components: 2 });
    run.step(0);
    const result = await run.finish();
    expect(result.failures.map((failure) => failure.field)).toEqual(['lost', 'short', 'v']);
    expect(run.failures.map(({ step, field }) => [step, field])).toEqual([
      [0, 'lost'],
      [0, 'short'],
      [0, 'v'],
    ]);
    expect([...(await entries(run.folder, 0)).keys()].sort()).toEqual(['u', 'v_x']);
    expect(run.held).toBe(0);
  });

  test('gives the same bytes for 1 and 2 threads and for a small window', async () => {
    const one = await produce(1, undefined);
    expect(one).toHaveLength(6);
    expect(await produce(2, undefined)).toEqual(one);
    expect(await produce(2, 1e9)).toEqual(one);
  });

  test('starts before the step is complete when the window is short', async () => {
    const run = new TestRun(await temporaryFolder());
    run.window = RAW;
    await run.start();
    run.mesh(GRID);
    run.field(0, 'u', wave(DIMS, 0));
    for (const deadline = Date.now() + 60_000; run.held > 0 && Date.now() < deadline;) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(run.held).toBe(0);
    run.step(0, { v: wave(DIMS, 0, 1) });
    await run.finish();
    expect([...(await entries(run.folder, 0)).keys()].sort()).toEqual(['u', 'v']);
  });

  test('models refer to the step before, back to the last keyframe; a lost file takes its group along', async () => {
    const run = await new TestRun(await temporaryFolder()).start({
      fields: [{ match: '*', target: { ratio: 20 } }],
      keyframe: 3,
    });
    run.mesh(GRID);
    for (let step = 0; step < 7; step++) run.step(step, { u: wave(DIMS, step) });
    await run.finish();
    const archive = await openArchive(run.folder);
    const earlier: (number[] | undefined)[] = [];
    for (let step = 0; step < 7; step++) {
      const decoder = new BlockDecoder(archive, codec);
      const u = (await entries(run.folder, step)).get('u')!;
      earlier.push(u.references?.earlier);
      const mesh = await archive.readMesh('grid', 0, step);
      expect(crc32(await decoder.decode(step, u, mesh))).toBe(u.certificate.crc);
    }
    expect(earlier).toEqual([undefined, [0], [1], undefined, [3], [4], undefined]);

    await rm(join(run.folder, 'step_000004.h5'));
    const decode = async (step: number): Promise<Uint8Array> => {
      const mesh = await archive.readMesh('grid', 0, step);
      return new BlockDecoder(archive, codec).decode(step, (await entries(run.folder, step)).get('u')!, mesh);
    };
    await expect(decode(5)).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringContaining('step 5 needs step 4') as string,
    });
    for (const step of [2, 3, 6]) expect((await decode(step)).length).toBe(RAW);
  });

  test('goes on warm after a restart', async () => {
    const folder = await temporaryFolder();
    const settings = mergeSettings(parseRunFile('fields: [{match: "*", ratio: 20}]'), {});
    const first = await new TestRun(folder).start(settings);
    first.mesh(GRID);
    first.step(0, { u: wave(DIMS, 0) });
    first.step(1, { u: wave(DIMS, 1) });
    await first.finish();
    expect((await entries(folder, 1)).get('u')!.references).toBeDefined();
    const second = await new TestRun(folder).start(settings);
    second.mesh(GRID);
    second.step(2, { u: wave(DIMS, 2) });
    await second.finish();
    const after = (await entries(folder, 2)).get('u')!;
    expect(after.certificate.start).toBe('warm');
    expect(after.references).toBeUndefined();
    expect(Math.abs((3 * RAW) / second.archive!.totals('u').stored / 20 - 1)).toBeLessThan(0.03);
  });

  test('on abort stores the steps that are complete', async () => {
    const run = await new TestRun(await temporaryFolder()).start();
    run.mesh(GRID);
    run.step(0, { u: wave(DIMS, 0) });
    run.step(1, { u: wave(DIMS, 1) });
    run.field(2, 'u', wave(DIMS, 2));
    run.abort.abort();
    expect(await run.result).toMatchObject({ steps: 2, dropped: 0 });
    await run.archive!.close(false);
    expect(await (await openArchive(run.folder)).steps()).toEqual([0, 1]);
    expect(run.held).toBe(0);
  });

  test('records steps that were given up, unless they come again', async () => {
    const run = await new TestRun(await temporaryFolder()).start();
    run.mesh(GRID);
    run.field(0, 'u', wave(DIMS, 0));
    run.events.next({ type: 'abandon', step: 0, reason: 'rank 1 vanished' });
    run.step(0, { u: wave(DIMS, 0) });
    run.field(1, 'u', wave(DIMS, 1));
    run.events.next({ type: 'abandon', step: 1, reason: 'rank 1 vanished' });
    run.step(2, { u: wave(DIMS, 2) });
    expect(await run.finish()).toMatchObject({ steps: 2, dropped: 1 });
    expect((await openArchive(run.folder)).dropped).toEqual([{ step: 1, reason: 'rank 1 vanished' }]);
    expect(run.held).toBe(0);
  });

  test('stops when the archive can take no more, and acknowledges nothing that is not durable', async () => {
    const run = await new TestRun(await temporaryFolder()).start();
    run.mesh(GRID);
    run.step(0, { u: wave(DIMS, 0) });
    while (run.acknowledged.length < 1) await new Promise((resolve) => setTimeout(resolve, 20));
    await rm(run.folder, { recursive: true });
    run.step(1, { u: wave(DIMS, 1) });
    run.step(2, { u: wave(DIMS, 2) });
    await expect(run.result).rejects.toMatchObject({ code: 'ARCHIVE_FAILED' });
    expect(run.acknowledged.map((summary) => summary.step)).toEqual([0]);
    expect(run.failures).toHaveLength(1);
    expect(run.failures[0]).toMatchObject({ error: { code: 'ARCHIVE_FAILED' } });
    expect(run.held).toBe(0);
  });
});

import { createHash } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { openArchive, type FieldEntry } from '../../src/archive/index.js';
import { mergeSettings } from '../../src/config/index.js';
import type { Coder } from '../../src/config/types.js';
import { BlockDecoder } from '../../src/export/index.js';
import type { Target } from '../../src/protocol/field.js';
import { wave } from '../support/client.js';
import { TestRun, codec, temporaryFolder, uniform } from './support.js';

const DIMS = [32, 24, 16] as const;
const GRID = uniform(DIMS);
const VALUES = 32 * 24 * 16;
const RAW = 4 * VALUES;

function as(coder: Coder, target: Target) {
  return { fields: [{ match: '*', target, coder }] };
}

/** The wave with detail that no model of a few Gaussians holds. */
function rough(step: number, phase = 0): Float32Array {
  return wave(DIMS, step, phase).map((x, i) => x + 0.02 * Math.sin(12.9898 * i + step / 50));
}

/** Every stored block, decoded as a reader does it and held to its certificate and its bound. */
async function decoded(folder: string, original: (step: number, name: string) => Float32Array) {
  const archive = await openArchive(folder);
  const decoder = new BlockDecoder(archive, codec);
  const out: (FieldEntry & { step: number; error: number })[] = [];
  for (const step of await archive.steps()) {
    for (const entry of (await archive.readStep(step)).fields) {
      const data = await decoder.decode(step, entry, await archive.readMesh('grid', 0, step));
      expect(crc32(data)).toBe(entry.certificate.crc);
      const values = new Float32Array(data.slice().buffer);
      const error = original(step, entry.name).reduce(
        (most, x, i) => (Number.isNaN(x) ? most : Math.max(most, Math.abs(x - values[i]!))),
        0,
      );
      expect(error).toBeLessThanOrEqual(entry.certificate.bound ?? entry.certificate.maxError);
      out.push({ ...entry, step, error });
    }
  }
  return out;
}

/** Coordinates that are not evenly spaced. */
function axis(n: number): Float64Array {
  return Float64Array.from({ length: n }, (_, i) => i + Math.sin(i) / 9);
}

async function folderBytes(folder: string): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(folder)) bytes += (await stat(join(folder, name))).size;
  return bytes;
}

async function digest(folder: string): Promise<string[]> {
  const archive = await openArchive(folder);
  const lines: string[] = [];
  for (const step of await archive.steps()) {
    for (const { name, kind, payload } of (await archive.readStep(step)).fields) {
      lines.push(`${step} ${name} ${kind} ${createHash('sha256').update(payload).digest('hex')}`);
    }
  }
  return lines;
}

/** Steps of two fields, by a coder. */
async function produce(
  settings: Parameters<TestRun['start']>[0],
  { steps = 4, folder, first = 0 }: { steps?: number; folder?: string; first?: number } = {},
): Promise<TestRun> {
  const run = await new TestRun(folder ?? (await temporaryFolder())).start(settings);
  run.mesh(GRID);
  for (let step = first; step < first + steps; step++) run.step(step, { u: rough(step), v: rough(step, 1) });
  await run.finish();
  return run;
}

/** Five steps of smooth waves, of which a model is better without history. */
async function waves(coder: Coder) {
  const run = await new TestRun(await temporaryFolder()).start({ ...as(coder, { ratio: 30 }), keyframe: 3 });
  run.mesh(GRID);
  for (let step = 0; step < 5; step++) run.step(step, { u: wave(DIMS, step / 10) });
  await run.finish();
  return decoded(run.folder, (step) => wave(DIMS, step / 10));
}

const original = (step: number, name: string) => rough(step, name === 'u' ? 0 : 1);

describe('rate control with residuals', () => {
  test('a ratio is met over the run, and every value is within the bound of its certificate', async () => {
    const run = await produce(as('residual', { ratio: 12 }), { steps: 5 });
    for (const name of ['u', 'v']) {
      const ratio = (5 * RAW) / run.archive!.totals(name).stored;
      expect(Math.abs(ratio / 12 - 1)).toBeLessThan(0.03);
    }
    const blocks = await decoded(run.folder, original);
    expect(blocks.map((b) => b.kind)).toEqual(blocks.map(() => 'bounded'));
    for (const { certificate } of blocks) expect(certificate.bound).toBeGreaterThan(0);
  });

  test('a PSNR is met from above by every step', async () => {
    const run = await produce(as('residual', { psnr: 48 }));
    for (const { certificate } of await decoded(run.folder, original)) {
      expect(certificate.psnr).toBeGreaterThanOrEqual(48);
      expect(certificate.psnr).toBeLessThan(49);
    }
  });

  test('bytes per step are not exceeded', async () => {
    const run = await produce(as('residual', { bytes: 12_000 }));
    for (const { storedBytes } of run.acknowledged) {
      expect(storedBytes).toBeLessThan(1.01 * 12_000);
      expect(storedBytes).toBeGreaterThan(0.88 * 12_000);
    }
  });

  test('fill values and NaN come back exactly under a ratio too', async () => {
    const run = await new TestRun(await temporaryFolder()).start(as('auto', { ratio: 10 }));
    run.mesh(GRID);
    const values = rough(0);
    values.fill(1e20, 100, 300);
    values[7] = Number.NaN;
    run.field(0, 'u', values, { fill: 1e20 });
    run.step(0);
    await run.finish();
    const archive = await openArchive(run.folder);
    const [entry] = (await archive.readStep(0)).fields;
    expect(entry!.kind).toBe('bounded');
    const data = await new BlockDecoder(archive, codec).decode(0, entry!, undefined);
    const back = new Float32Array(data.slice().buffer);
    expect(back[7]).toBeNaN();
    expect(back.slice(100, 300).every((x) => x === Math.fround(1e20))).toBe(true);
  });
});

describe('coder: auto', () => {
  test('keeps the better of model and residual, and a residual may refer to a model', async () => {
    const [auto, gaussian, residual] = [
      await waves('auto'),
      await waves('gaussian'),
      await waves('residual'),
    ];
    for (const [step, block] of auto.entries()) {
      const best = Math.max(gaussian[step]!.certificate.psnr, residual[step]!.certificate.psnr);
      expect(block.certificate.psnr).toBeGreaterThan(best - 1);
    }
    // Kinds change within the run, and keyframes refer to nothing.
    expect(new Set(auto.map((b) => b.kind)).size).toBe(2);
    for (const step of [0, 3]) expect(auto[step]!.references).toBeUndefined();
    const after = auto.find((b) => b.kind === 'bounded' && b.references);
    expect(auto[after!.references!.earlier[0]!]!.kind).toBe('gaussian');
  });

  test('the same bytes on any number of threads', async () => {
    const before = codec.threads();
    const runs: string[][] = [];
    for (const threads of [1, 3]) {
      codec.setThreads(threads);
      runs.push(await digest((await produce(as('auto', { ratio: 20 }), { steps: 3 })).folder));
    }
    codec.setThreads(before);
    expect(runs[1]).toEqual(runs[0]);
  });

  test('without time to train every block is a residual; a strict bound holds with it', async () => {
    const hurried = { secondsPerStep: 0.005 };
    const rate = await produce({ ...as('auto', { ratio: 20 }), ...hurried }, { steps: 2 });
    expect((await decoded(rate.folder, original)).map((b) => b.kind)).not.toContain('gaussian');
    const bound = await produce({ ...as('auto', { abs: 0.01 }), ...hurried }, { steps: 2 });
    for (const { error } of await decoded(bound.folder, original)) expect(error).toBeLessThanOrEqual(0.01);
  });

  test('takes models where the archive will not have the mesh', async () => {
    const run = await new TestRun(await temporaryFolder()).start({
      ...as('auto', { ratio: 8 }),
      mesh: 'none',
    });
    const points = Float32Array.from({ length: 9000 }, (_, i) => 10 * Math.abs(Math.sin(12.9 * i)));
    run.mesh({ kind: 'points', points });
    const u = Float32Array.from({ length: 3000 }, (_, i) => Math.sin(points[3 * i]!));
    run.step(0, { u });
    await run.finish();
    expect((await (await openArchive(run.folder)).readStep(0)).fields[0]!.kind).toBe('gaussian');
  });
});

describe('bytes of a whole run', () => {
  test.each(['residual', 'gaussian'] as const)(
    'are kept to, and used: %s',
    async (coder) => {
      const bytes = 40_000;
      const run = await produce({ ...as(coder, { bytesPerRun: bytes }), expectedSteps: 5 }, { steps: 5 });
      const stored = await folderBytes(run.folder);
      expect(stored).toBeLessThanOrEqual(bytes);
      expect(stored).toBeGreaterThan(0.97 * bytes);
    },
    120_000,
  );

  test('count what was stored before a restart, and meshes', async () => {
    const bytes = 60_000;
    const settings = { ...as('residual', { bytesPerRun: bytes }), expectedSteps: 6 };
    const folder = await temporaryFolder();
    const mesh = { kind: 'rectilinear', dims: DIMS, x: axis(32), y: axis(24), z: axis(16) } as const;
    for (const first of [0, 3]) {
      const run = await new TestRun(folder).start(settings);
      run.mesh(mesh);
      for (let step = first; step < first + 3; step++) run.step(step, { u: rough(step), v: rough(step, 1) });
      await run.finish();
    }
    const stored = await folderBytes(folder);
    expect(stored).toBeLessThanOrEqual(bytes);
    expect(stored).toBeGreaterThan(0.95 * bytes);
  });

  test('need to know how many steps to share them by', () => {
    expect(() => mergeSettings({}, { target: { bytesPerRun: 1e6 } })).toThrow(/expected-steps/);
    expect(mergeSettings({}, { target: { bytesPerRun: 1e6 }, expectedSteps: 9 }).expectedSteps).toBe(9);
  });
});

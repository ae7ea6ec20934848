import { readFileSync } from 'node:fs';
import { execFile } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import type { Inspection } from '../../src/archive/inspect.js';
import { openArchive } from '../../src/archive/index.js';
import type { Verification } from '../../src/verify/index.js';
import { temporaryFolder } from '../archive/helpers.js';
import { gaussitu, waveInput } from './helpers.js';

const DATA = process.env['GAUSSITU_DATA'] ?? '';

function floats(path: string): Float32Array {
  return new Float32Array(new Uint8Array(readFileSync(path)).buffer);
}

/** Long waves with a little noise, another one at each time. */
function wave(x: number, y: number, z: number, t: number): number {
  const noise = Math.sin(12.9898 * x + 78.233 * y + 37.719 * z + 917 * t) * 43758.5453;
  const long = Math.sin(x / 6 + t) * Math.cos(y / 5) + 0.4 * Math.sin(z / 7 + y / 9);
  return long + 0.02 * (noise - Math.floor(noise));
}

/** The numbers of a .npy file of f64. */
function numbers(path: string): Float64Array {
  const npy = readFileSync(path);
  return new Float64Array(Uint8Array.from(npy.subarray(10 + npy.readUInt16LE(8))).buffer);
}

async function inspect(run: string): Promise<Inspection> {
  return JSON.parse((await gaussitu('inspect', run, '--json')).stdout) as Inspection;
}

async function verify(run: string, input: string): Promise<{ code: number; result: Verification }> {
  const { code, stdout } = await gaussitu('verify', run, '--against', input, '--json');
  return { code, result: JSON.parse(stdout) as Verification };
}

function largestError(original: Float32Array, decoded: Float32Array): number {
  return original.reduce((most, x, i) => Math.max(most, Math.abs(x - (decoded[i] as number))), 0);
}

function range(values: Float32Array): number {
  const [lo, hi] = values.reduce(([a, b], x) => [Math.min(a, x), Math.max(b, x)], [Infinity, -Infinity]);
  return hi - lo;
}

function special(x: number): boolean {
  return x === Math.fround(1e20) || !Number.isFinite(x) || Object.is(x, -0);
}

/** Six decades, both signs, some zeros. */
function decades(phase: number): Float32Array {
  return Float32Array.from({ length: 1200 }, (_, i) =>
    i % 37 === 0 ? 0 : (i % 40 > 20 ? -1 : 1) * 10 ** (3 * Math.sin((i % 40) / 9 + i / 400 + phase)),
  );
}

describe('a strict bound', () => {
  test('holds for every value decoded from the files, with keyframes where they belong', async () => {
    const folder = await temporaryFolder();
    const input = await waveInput(folder);
    const run = join(folder, 'run');
    const replay = await gaussitu('replay', input, '--out', run, '--rel', '1e-3', '--keyframe', '3');
    expect(replay).toMatchObject({ code: 0, stderr: '' });
    const inspection = await inspect(run);
    expect(inspection.steps.map((s) => s.keyframe)).toEqual([true, false, false, true]);
    const u = inspection.steps.map((s) => s.fields.find((f) => f.name === 'u')!);
    expect(u.map((f) => f.kind)).toEqual(['bounded', 'bounded', 'bounded', 'bounded']);
    expect(u[1]).toMatchObject({ target: { rel: 1e-3 }, start: 'warm' });
    expect(u[1]!.storedBytes).toBeLessThan(u[0]!.storedBytes);
    for (const step of [0, 2, 3]) {
      const output = join(folder, `u_${step}.f32`);
      expect((await gaussitu('decode', run, '--field', 'u', '--step', String(step), '-o', output)).code).toBe(
        0,
      );
      const original = floats(join(input, `u_00${step}.f32`));
      const error = largestError(original, floats(output));
      expect(error).toBeLessThanOrEqual(1e-3 * range(original));
      expect(error).toBe(u[step]!.maxError);
    }
    expect((await verify(run, input)).result).toMatchObject({ ok: true, steps: 4 });
  });

  test('keeps a model that answers between the samples, from the files alone', async () => {
    const folder = await temporaryFolder();
    const input = join(folder, 'waves');
    await mkdir(input);
    const dims = [56, 48, 40] as const;
    await writeFile(
      join(input, 'meta.json'),
      JSON.stringify({ case: 'waves', dims, fields: ['w'], steps: 2 }),
    );
    for (const step of [0, 1]) {
      const w = new Float32Array(dims[0] * dims[1] * dims[2]);
      for (let i = 0; i < w.length; i++) {
        w[i] = wave(i % 56, Math.floor(i / 56) % 48, Math.floor(i / (56 * 48)), step / 20);
      }
      await writeFile(join(input, `w_00${step}.f32`), w);
    }
    const run = join(folder, 'run');
    const without = join(folder, 'without');
    expect(await gaussitu('replay', input, '--out', run, '--rel', '1e-4')).toMatchObject({ code: 0 });
    await gaussitu('replay', input, '--out', without, '--rel', '1e-4', '--model-share', '0');
    const best = join(folder, 'best');
    await gaussitu('replay', input, '--out', best, '--rel', '1e-4', '--model-share', 'best');
    const most = await gaussitu('replay', input, '--out', best, '--rel', '1e-4', '--model-share', 'most');
    expect(most.code).toBe(2);
    expect(most.stderr).toMatch(/auto, best or a number from 0 to 1.*most/);
    await rm(input, { recursive: true });
    const fields = (await inspect(run)).steps.map((s) => s.fields[0]!);
    const plain = (await inspect(without)).steps.map((s) => s.fields[0]!);
    const [keyframe] = (await inspect(best)).steps.map((s) => s.fields[0]!);
    expect(keyframe!.storedBytes).toBeLessThanOrEqual(1.001 * fields[0]!.storedBytes);
    for (const [i, field] of fields.entries()) {
      expect(field.modelBytes).toBeGreaterThan(0);
      expect(plain[i]!.modelBytes).toBe(0);
      expect(field.storedBytes).toBeLessThanOrEqual(1.03 * plain[i]!.storedBytes);
    }
    const points = Float64Array.from({ length: 300 }, (_, i) => 2.3 + ((i * 37) % 330) / 10);
    await writeFile(join(folder, 'points.f64'), points);
    const out = join(folder, 'at.f64');
    const place = ['--points', join(folder, 'points.f64')];
    const query = await gaussitu('decode', run, '--field', 'w', '--step', '1', ...place, '-o', out);
    expect(query.code).toBe(0);
    const values = new Float64Array(new Uint8Array(readFileSync(out)).buffer);
    expect(values.length).toBe(100);
    const errors = values.map((v, i) => {
      const [x, y, z] = points.subarray(3 * i, 3 * i + 3);
      return v - wave(x!, y!, z!, 0.05);
    });
    const rmse = Math.sqrt(errors.reduce((sum, e) => sum + e * e, 0) / errors.length);
    expect(rmse).toBeLessThan(0.1); // of a field whose own is 0.58
    const none = await gaussitu('decode', without, '--field', 'w', '--step', '1', ...place, '-o', out);
    expect(none.code).not.toBe(0);
    expect(none.stderr).toMatch(/bounded values without a model.*--model-share/s);
    const [entry] = (await (await openArchive(run)).readStep(1)).fields;
    await writeFile(join(folder, 'payload'), entry!.payload);
    await promisify(execFile)('python3', [
      'examples/python/read_model.py',
      '--payload',
      join(folder, 'payload'),
      '--grid',
      '9x8x7',
      '-o',
      join(folder, 'p.npy'),
    ]);
    await gaussitu(
      'decode',
      run,
      '--field',
      'w',
      '--step',
      '1',
      '--grid',
      '9x8x7',
      '-o',
      join(folder, 'g.npy'),
    );
    const [ours, python] = [numbers(join(folder, 'g.npy')), numbers(join(folder, 'p.npy'))];
    expect(ours.length).toBe(9 * 8 * 7);
    const finite = [...ours.keys()].filter((i) => !Number.isNaN(ours[i]));
    expect(finite.length).toBeGreaterThan(400);
    for (const i of finite) expect(Math.abs(ours[i]! - python[i]!)).toBeLessThan(5e-6);
  });

  test('goes on after a restart in the middle of a keyframe group', async () => {
    const folder = await temporaryFolder();
    const input = await waveInput(folder);
    const run = join(folder, 'run');
    await gaussitu('replay', input, '--out', run, '--abs', '0.002', '--steps', '0:2');
    expect((await gaussitu('replay', input, '--out', run, '--abs', '0.002')).code).toBe(0);
    // States are in memory only: the first step after a restart stands alone.
    expect((await inspect(run)).steps.map((s) => s.keyframe)).toEqual([true, false, true, false]);
    expect((await verify(run, input)).result).toMatchObject({ ok: true, steps: 4 });
  });

  test('a damaged file costs what follows in its group, and verify says so', async () => {
    const folder = await temporaryFolder();
    const input = await waveInput(folder);
    const run = join(folder, 'run');
    await gaussitu('replay', input, '--out', run, '--rel', '1e-3', '--keyframe', '3');
    const victim = join(run, 'step_000001.h5');
    const bytes = await readFile(victim);
    const [entry] = (await (await openArchive(run)).readStep(1)).fields.filter((f) => f.name === 'u');
    const at = bytes.indexOf(entry!.payload.subarray(0, 24));
    bytes[at + 20]! ^= 0x40;
    await writeFile(victim, bytes);
    const { code, result } = await verify(run, input);
    expect(code).toBe(3);
    expect([...new Set(result.problems.map((p) => p.step))]).toEqual([1, 2]);
    expect(result.problems.find((p) => p.step === 2)!.message).toMatch(
      /step 2 needs step 1 .*step_000001\.h5/,
    );
  });

  test('keeps fill values, NaN and infinities exactly', async () => {
    const folder = await temporaryFolder();
    const input = join(folder, 'ocean');
    await mkdir(input);
    await writeFile(
      join(input, 'meta.json'),
      JSON.stringify({ case: 'ocean', dims: [40, 30, 1], fields: ['t'], steps: 2, fill_value: 1e20 }),
    );
    const steps = [0, 1].map((step) => {
      const t = Float32Array.from({ length: 1200 }, (_, i) =>
        i % 40 > 30 ? 1e20 : Math.sin(i / 9 + step / 20),
      );
      t.set([Number.NaN, Infinity, -0], 5);
      return t;
    });
    for (const [step, t] of steps.entries()) await writeFile(join(input, `t_00${step}.f32`), t);
    const run = join(folder, 'run');
    expect((await gaussitu('replay', input, '--out', run, '--rel', '1e-2')).code).toBe(0);
    const output = join(folder, 't.f32');
    await gaussitu('decode', run, '--field', 't', '--step', '1', '-o', output);
    const [original, decoded] = [steps[1]!, floats(output)];
    const places = [...original.keys()].filter((i) => special(original[i]!));
    expect(places.map((i) => decoded[i])).toEqual(places.map((i) => original[i]));
    const rest = [...original.keys()].filter((i) => !special(original[i]!));
    const errors = rest.map((i) => Math.abs(original[i]! - decoded[i]!));
    expect(Math.max(...errors)).toBeLessThanOrEqual(0.021);
    expect((await verify(run, input)).result).toMatchObject({ ok: true, steps: 2 });
  });

  test('relative to every value: six decades, both signs, zeros', async () => {
    const folder = await temporaryFolder();
    const input = join(folder, 'decades');
    await mkdir(input);
    const meta = { case: 'decades', dims: [40, 30, 1], fields: ['v', 'w'], steps: 3 };
    await writeFile(join(input, 'meta.json'), JSON.stringify(meta));
    const steps = [0, 1, 2].map((step) => decades(step / 50));
    for (const [step, v] of steps.entries()) {
      await writeFile(join(input, `v_00${step}.f32`), v);
      await writeFile(
        join(input, `w_00${step}.f32`),
        v.map((x) => 7 - 2 * x),
      );
    }
    const run = join(folder, 'run');
    expect(await gaussitu('replay', input, '--out', run, '--pw-rel', '1e-2')).toMatchObject({ code: 0 });
    const output = join(folder, 'v.f32');
    await gaussitu('decode', run, '--field', 'v', '--step', '2', '-o', output);
    const decoded = floats(output);
    const errors = [...steps[2]!].map((x, i) => (x === decoded[i] ? 0 : Math.abs((x - decoded[i]!) / x)));
    expect(Math.max(...errors)).toBeLessThanOrEqual(1e-2);
    const fields = (await inspect(run)).steps[2]!.fields;
    const v = fields.find((f) => f.name === 'v')!;
    expect(v.bound).toEqual({ asked: 1e-2, reached: Math.max(...errors) });
    expect(v.target).toEqual({ pwRel: 1e-2 });
    expect((await gaussitu('inspect', run)).stdout).toMatch(/bound +reached/);
    expect((await verify(run, input)).result).toMatchObject({ ok: true, steps: 3 });

    // A small value that is off by a fifth of itself is far below the largest error, and still found.
    const small = steps[1]!.findIndex((x) => x !== 0 && Math.abs(x) < 2e-3);
    steps[1]![small]! *= 1.25;
    await writeFile(join(input, 'v_001.f32'), steps[1]!);
    const { code, result } = await verify(run, input);
    expect(code).toBe(3);
    expect(result.problems.map((p) => p.message).join()).toMatch(/point-wise relative error is 0\.(19|2)/);
  });

  test('needs no mesh in the run when it is told that there will be none', async () => {
    const folder = await temporaryFolder();
    const input = join(folder, 'cloud');
    await mkdir(input);
    const n = 3000;
    const points = Float32Array.from({ length: 3 * n }, (_, i) => Math.abs(Math.sin(i * 12.9898)) * 10);
    const v = Float32Array.from({ length: n }, (_, i) => Math.sin(points[3 * i]!) + points[3 * i + 1]!);
    await writeFile(join(input, 'xyz.f32'), points);
    await writeFile(join(input, 'v_000.f32'), v);
    await writeFile(
      join(input, 'meta.json'),
      JSON.stringify({ case: 'cloud', fields: ['v'], steps: 1, coords_file: 'xyz.f32' }),
    );
    const stored: number[] = [];
    for (const mesh of ['store', 'none']) {
      const run = join(folder, mesh);
      expect((await gaussitu('replay', input, '--out', run, '--abs', '0.01', '--mesh', mesh)).code).toBe(0);
      expect((await verify(run, input)).result).toMatchObject({ ok: true });
      stored.push((await inspect(run)).steps[0]!.fields[0]!.storedBytes);
    }
    expect(stored[0]!).toBeLessThan(stored[1]!);
  });

  test.skipIf(!DATA)(
    'real data: a turbulence stream at 1e-2, cells of a channel, an ocean',
    { timeout: 300_000 },
    async () => {
      const folder = await temporaryFolder();
      const cases: [string, string[], string[]][] = [
        ['dns_decay', ['--fields', 'u', '--steps', '0:3'], ['1e-2']],
        ['openfoam_channel395', ['--fields', 'Ux', '--steps', '0:3'], ['1e-3']],
        ['ipcc_tos', ['--steps', '0:4'], ['1e-2']],
      ];
      for (const [name, select, [rel]] of cases) {
        const run = join(folder, name);
        const input = join(DATA, name);
        expect(await gaussitu('replay', input, '--out', run, ...select, '--rel', rel!)).toMatchObject({
          code: 0,
        });
        const { result } = await verify(run, input);
        expect({ name, ...result }).toMatchObject({ name, ok: true, problems: [] });
        const { steps } = await inspect(run);
        expect(steps.at(-1)!.keyframe).toBe(false);
      }
      const [first, , last] = (await inspect(join(folder, 'dns_decay'))).steps;
      expect(last!.fields[0]!.ratio).toBeGreaterThan(1.8 * first!.fields[0]!.ratio);
    },
  );
});

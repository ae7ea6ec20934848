import { existsSync, readFileSync } from 'node:fs';
import { readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Inspection } from '../../src/archive/inspect.js';
import type { Verification } from '../../src/verify/index.js';
import { temporaryFolder } from '../archive/helpers.js';
import { gaussitu, waveInput } from './helpers.js';

const DATA = process.env['GAUSSITU_DATA'] ?? '';

async function bytesIn(folder: string): Promise<number> {
  const sizes = await Promise.all(
    (await readdir(folder)).map(async (f) => (await stat(join(folder, f))).size),
  );
  return sizes.reduce((a, b) => a + b, 0);
}

describe('replay, inspect, verify, decode', () => {
  test('do what their names say, and every byte is accounted for', async () => {
    const folder = await temporaryFolder();
    const input = await waveInput(folder);
    const run = join(folder, 'run');
    const replay = await gaussitu('replay', input, '--out', run, '--steps', '0:2', '--ratio', '20');
    expect(replay).toMatchObject({ code: 0, stderr: '' });
    expect(replay.stdout).toMatch(/2 steps/);

    const { stdout } = await gaussitu('inspect', run, '--json');
    const inspection = JSON.parse(stdout) as Inspection;
    expect(Object.keys(inspection)).toEqual(['run', 'steps', 'totals']);
    expect(inspection.run).toBe('wave');
    expect(inspection.steps.map((s) => [s.step, s.time, s.keyframe])).toEqual([
      [0, 0, true],
      [1, 0.1, false], // holds what changed
    ]);
    const [k, u] = inspection.steps[1]!.fields;
    expect(Object.keys(u!)).toEqual(
      'name kind rawBytes storedBytes ratio psnr rmse maxError target bound iterations trainSeconds start device modelBytes'.split(
        ' ',
      ),
    );
    expect(k).toMatchObject({ name: 'k', kind: 'constant', psnr: null, maxError: 0, target: { ratio: 20 } });
    expect(u).toMatchObject({
      name: 'u',
      kind: 'gaussian',
      rawBytes: 53760,
      target: { ratio: 20 },
      start: 'warm',
    });
    expect(u!.psnr).toBeGreaterThan(25);
    const stored = inspection.steps.flatMap((s) => s.fields).reduce((sum, f) => sum + f.storedBytes, 0);
    expect(stored).toBe(await bytesIn(run));
    expect(inspection.totals).toMatchObject({
      storedBytes: stored,
      meshBytes: 0,
      finished: true,
      dropped: [],
    });
    const human = await gaussitu('inspect', run);
    expect(human.stdout).toMatch(/u +gaussian.*dB.*warm/);

    const verify = await gaussitu('verify', run, '--against', input, '--json');
    expect(verify.code).toBe(0);
    expect(JSON.parse(verify.stdout)).toMatchObject({ ok: true, steps: 2, problems: [] });

    const output = join(folder, 'u.f32');
    expect((await gaussitu('decode', run, '--field', 'u', '--step', '1', '-o', output)).code).toBe(0);
    const [decoded, original] = [output, join(input, 'u_001.f32')].map(
      (p) => new Float32Array(new Uint8Array(readFileSync(p)).buffer),
    );
    const worst = Math.max(...original!.map((v, i) => Math.abs(v - decoded![i]!)));
    expect(worst).toBeCloseTo(u!.maxError, 6);

    // Coarser and coarser models, of a step that holds changes alone.
    const errors: number[] = [];
    for (const part of ['1', '0.5', '0.1']) {
      const args = ['--field', 'u', '--step', '1', '--lod', part, '-o', output];
      expect((await gaussitu('decode', run, ...args)).code).toBe(0);
      const coarse = new Float32Array(new Uint8Array(readFileSync(output)).buffer);
      errors.push(original!.reduce((sum, v, i) => sum + (v - coarse[i]!) ** 2, 0));
    }
    expect(errors[0]).toBeCloseTo(
      original!.reduce((sum, v, i) => sum + (v - decoded![i]!) ** 2, 0),
      9,
    );
    expect(errors).toEqual(errors.toSorted((a, b) => a - b));
    expect(errors[2]).toBeGreaterThan(2 * errors[0]!);
    const draw = ['render', run, '--field', 'u', '--step', '1', '--lod', '0.2', '-o', join(folder, 'u.png')];
    const drawn = await gaussitu(...draw);
    expect(drawn).toMatchObject({ code: 0, stderr: '' });
  });

  test('a run is gone on with where it stopped; the other steps are not touched', async () => {
    const folder = await temporaryFolder();
    const input = await waveInput(folder);
    const run = join(folder, 'run');
    await gaussitu('replay', input, '--out', run, '--steps', ':1', '--fields', 'u', '--ratio', '20');
    const before = await readFile(join(run, 'step_000000.h5'));
    const more = await gaussitu(
      'replay',
      input,
      '--out',
      run,
      '--steps',
      ':2',
      '--fields',
      'u',
      '--ratio',
      '20',
      '--json',
    );
    expect(JSON.parse(more.stdout)).toMatchObject({ steps: 1, failures: [] });
    expect((await readFile(join(run, 'step_000000.h5'))).equals(before)).toBe(true);
    const third = await gaussitu('replay', input, '--out', run, '--steps', ':2', '--fields', 'u');
    expect(third.stdout).toMatch(/nothing to do, everything up to step 1 is there/);
    const inspection = JSON.parse((await gaussitu('inspect', run, '--json')).stdout) as Inspection;
    expect(inspection.steps.map((s) => s.fields[0]?.start)).toEqual(['cold', 'warm']);
    expect(Math.min(...inspection.steps.map((s) => s.fields[0]?.psnr ?? 0))).toBeGreaterThan(25);
  });

  test('verify finds a damaged file and a different original, and says which', async () => {
    const folder = await temporaryFolder();
    const input = await waveInput(folder);
    const run = join(folder, 'run');
    await gaussitu('replay', input, '--out', run, '--steps', ':2', '--fields', 'u');
    const step = join(run, 'step_000001.h5');
    const bytes = await readFile(step);
    bytes[bytes.length - 50]! ^= 4;
    await writeFile(step, bytes);
    const original = await readFile(join(input, 'u_000.f32'));
    original.writeFloatLE(99, 4000);
    await writeFile(join(input, 'u_000.f32'), original);
    const { code, stdout, stderr } = await gaussitu('verify', run, '--against', input, '--json');
    expect(code).toBe(3);
    const result = JSON.parse(stdout) as Verification;
    expect(result.problems.map((p) => [p.file, p.step])).toContainEqual(['step_000001.h5', 1]);
    expect(result.problems.find((p) => p.step === 0)?.message).toMatch(/largest error is 9/);
    expect(stderr).toMatch(/VERIFY_FAILED/);
    expect((await gaussitu('inspect', run)).stderr).toMatch(/step_000001\.h5 is damaged/);
  });

  test('wrong usage says what was expected, with exit code 2; what is not there with 1', async () => {
    const folder = await temporaryFolder();
    const input = await waveInput(folder);
    const out = join(folder, 'run');
    const cases: [string[], number, RegExp][] = [
      [['replay', input, '--out', out, '--steps', '9:'], 2, /some of the 4 steps/],
      [['replay', input, '--out', out, '--fields', 'w'], 1, /field w: expected one of u, k/],
      [['replay', input, '--out', out, '--ratio', '-3'], 2, /--ratio: expected a number above 0/],
      [['replay', join(folder, 'nothing'), '--out', out], 1, /cannot be opened/],
      [['decode', out, '--field', 'u', '--step', 'x', '-o', 'u.npy'], 2, /--step: expected a whole number/],
      [['decode', out, '--field', 'u', '--step', '0', '-o', 'u.vtk'], 2, /\.vtkhdf, received u\.vtk/],
      [
        ['decode', out, '--field', 'u', '--step', '0', '--lod', '25', '-o', 'u.npy'],
        2,
        /--lod: expected a part of the Gaussians above 0 and up to 1/,
      ],
      [
        ['decode', out, '--field', 'u', '--step', '0', '--grid', '3x3', '-o', 'u.npy'],
        2,
        /--grid: expected three numbers/,
      ],
      [
        ['decode', out, '--field', 'u', '--step', '0', '--grid', '3x3x3', '--points', 'p', '-o', 'u.npy'],
        2,
        /one of them/,
      ],
    ];
    for (const [args, code, message] of cases) {
      const result = await gaussitu(...args);
      expect(result.stderr).toMatch(message);
      expect([args.join(' '), result.code]).toEqual([args.join(' '), code]);
    }
    for (const command of ['replay', 'inspect']) {
      const { code, stdout } = await gaussitu(command, '--help');
      expect([code, stdout]).toEqual([0, expect.stringMatching(/Examples:\n {2}gaussitu/)]);
    }
  });

  test.skipIf(!existsSync(DATA))('real data: fill values, meshes with and without geometry', async () => {
    const folder = await temporaryFolder();
    const tos = join(folder, 'tos');
    expect(
      (await gaussitu('replay', join(DATA, 'ipcc_tos'), '--out', tos, '--steps', ':2', '--ratio', '30')).code,
    ).toBe(0);
    expect((await gaussitu('verify', tos, '--against', join(DATA, 'ipcc_tos'))).code).toBe(0);
    const disk = join(DATA, 'vtk_disk_out_ref');
    const runs = ['store', 'none'].map((mesh) => join(folder, mesh));
    for (const [i, run] of runs.entries()) {
      const mesh = i === 0 ? 'store' : 'none';
      await gaussitu('replay', disk, '--out', run, '--fields', 'Temp', '--ratio', '10', '--mesh', mesh);
      expect((await gaussitu('verify', run, '--against', disk)).code).toBe(0);
    }
    const totals = await Promise.all(
      runs.map(
        async (run) => (JSON.parse((await gaussitu('inspect', run, '--json')).stdout) as Inspection).totals,
      ),
    );
    expect(totals[0]?.meshBytes).toBeGreaterThan(1000);
    expect(totals[1]).toMatchObject({ meshBytes: 0, meshRawBytes: totals[0]?.meshRawBytes });
    expect(totals[1]!.ratioWithMesh).toBeGreaterThan(totals[1]!.ratio);
    const args = ['decode', runs[1]!, '--field', 'Temp', '--step', '0', '-o', join(folder, 'T.npy')];
    expect(await gaussitu(...args)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/--points or --grid/) as string,
    });
    expect((await gaussitu(...args, '--grid', '16x16x16')).code).toBe(0);
  });
});

// --device on any machine, with a card or without: cards are hidden, missing or pretended to be gone by libraries
// that are really opened (test/native/device/libraries).
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeEach, describe, expect, test } from 'vitest';
import { openArchive } from '../../src/archive/index.js';
import type { Inspection } from '../../src/archive/inspect.js';
import { temporaryFolder } from '../archive/helpers.js';
import { ServiceProcess } from '../support/service.js';
import { gaussituWith, waveInput } from './helpers.js';

const build = fileURLToPath(new URL('../../build', import.meta.url));
const library = (name: string): string => join(build, 'test/native/libraries', `libcuda_${name}.so`);
const own = join(build, 'native/addon/libgaussitu_cuda.so');
const missing = '/nowhere/libgaussitu_cuda.so';

let folder: string;
let input: string;
beforeEach(async () => {
  folder = await temporaryFolder();
  input = await waveInput(folder);
});

function replay(out: string, cuda: string, ...args: string[]) {
  return gaussituWith(
    { GAUSSITU_CUDA_LIBRARY: cuda, CUDA_VISIBLE_DEVICES: '' },
    'replay',
    input,
    '--out',
    join(folder, out),
    '--steps',
    '0:1',
    '--ratio',
    '20',
    '--json',
    ...args,
  );
}

describe('without a card', () => {
  test.skipIf(!existsSync(library('no_card')))('auto takes the CPU and says why, in one line', async () => {
    const cpu = await replay('cpu', missing, '--device', 'cpu');
    expect(cpu).toMatchObject({ code: 0, stderr: '' });
    const auto = await replay('auto', library('no_card'), '--device', 'auto', '--device-memory', '8G');
    expect(auto.code).toBe(0);
    expect(JSON.parse(auto.stdout)).toMatchObject({ device: 'cpu', steps: 1 });
    expect(auto.stderr.trim().split('\n')).toHaveLength(1);
    expect(JSON.parse(auto.stderr)).toMatchObject({
      device: 'cpu',
      msg: expect.stringMatching(
        /^device cpu \(\d+ threads, \w+\), no card: .*a driver without a card$/,
      ) as string,
    });
    const step = readdirSync(join(folder, 'cpu')).find((f) => f.startsWith('step_')) ?? '';
    const bytes = (run: string): number => readFileSync(join(folder, run, step)).length;
    expect(bytes('auto')).toBe(bytes('cpu'));
    const { stdout } = await gaussituWith({}, 'inspect', join(folder, 'auto'), '--json');
    const fields = (JSON.parse(stdout) as Inspection).steps[0]?.fields ?? [];
    expect(fields.map((f) => [f.name, f.device])).toEqual([
      ['k', null],
      ['u', 'cpu'],
    ]);
  });

  test('the library itself is optional', async () => {
    const auto = await replay('none', missing, '--device', 'auto');
    expect(auto.code).toBe(0);
    expect(JSON.parse(auto.stderr)).toMatchObject({
      msg: expect.stringContaining(`the CUDA library ${missing} but received no such file`) as string,
    });
  });

  test.skipIf(!existsSync(library('no_card')))(
    'who asks for a card gets an error and no folder',
    async () => {
      const asked = await replay('card', library('no_card'), '--device', 'cuda:0');
      expect(asked.code).toBe(1);
      expect(asked.stderr).toBe(
        'gaussitu: device: expected device cuda:0, received a driver without a card ' +
          '(--device cpu works everywhere, --device auto takes what there is) [UNAVAILABLE]\n',
      );
      expect(existsSync(join(folder, 'card'))).toBe(false);
    },
  );

  test.skipIf(!existsSync(library('other_interface')))('a library of another interface', async () => {
    const old = await replay('old', library('other_interface'), '--device', 'cuda:0');
    expect(old.code).toBe(1);
    expect(old.stderr).toMatch(
      /expected interface \d+ \(layout [0-9a-f]{8}\) of the CUDA library .*, received interface \d+ .*\(build both from the same sources \(make native cuda\)\) \[UNAVAILABLE\]/,
    );
  });

  test.skipIf(!existsSync(own))(
    'the library of this build opens, and finds cards that are hidden gone',
    async () => {
      const asked = await replay('own', own, '--device', 'cuda:0');
      expect(asked.code).toBe(1);
      expect(asked.stderr).toMatch(/received (no NVIDIA driver|a driver without a card)/);
    },
  );

  test('serve says it at the start, and tells programs where it works', async () => {
    const args = ['--out', join(folder, 'serve'), '--listen', 'tcp://127.0.0.1:0', '--device', 'cuda:99'];
    const child = ServiceProcess.start(args);
    expect(await child.exited).toBe(1);
    expect(child.stderr).toContain('[UNAVAILABLE]');
    const { service } = await ServiceProcess.listen(['--out', join(folder, 'serve'), '--device', 'cpu']);
    expect(service.events[0]).toMatchObject({ event: 'listening', device: 'cpu' });
    await service.kill('SIGTERM');
  });
});

/** The kernels themselves, executed on the host (test/native/cuda/emulation.hpp). */
const emulated = join(build, 'test/native/libraries/libgaussitu_cuda_emulated.so');

function run(out: string, cuda: string, ...args: string[]) {
  const steps = ['--steps', '0:2', '--threads', '1', '--json'];
  return gaussituWith(
    { GAUSSITU_CUDA_LIBRARY: cuda },
    'replay',
    input,
    '--out',
    join(folder, out),
    ...steps,
    ...args,
  );
}

/** Payloads and certificates of a step, without what is not the same twice: training time, shares of the file. */
async function stored(out: string, step: number) {
  const { fields } = await (await openArchive(join(folder, out))).readStep(step);
  return fields.map((field) => ({
    ...field,
    storedBytes: 0,
    certificate: { ...field.certificate, trainSeconds: 0 },
  }));
}

describe.skipIf(!existsSync(emulated))('on an emulated card', () => {
  test("blocks within a bound are the CPU's bytes, from file to file", async () => {
    const args = ['--rel', '1e-3', '--model-share', '0'];
    const cpu = await run('cpu', missing, '--device', 'cpu', ...args);
    const card = await run('card', emulated, '--device', 'cuda:0', '--device-memory', '100M', ...args);
    expect(cpu).toMatchObject({ code: 0, stderr: '' });
    expect(card).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(card.stdout)).toMatchObject({ device: 'cuda:0', steps: 2 });
    for (const step of [0, 1]) expect(await stored('card', step)).toEqual(await stored('cpu', step));
  });

  test('models are trained on it, the certificate and inspect say so', async () => {
    const settings = join(folder, 'run.yaml');
    await writeFile(settings, 'device: cuda:0\nfields:\n  - {match: "*", ratio: 60, iterations: 4}\n');
    const outcome = await run('model', emulated, '--config', settings);
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    const json = await gaussituWith({}, 'inspect', join(folder, 'model'), '--json');
    const [first, second] = (JSON.parse(json.stdout) as Inspection).steps;
    for (const step of [first, second]) {
      const u = step?.fields.find((f) => f.name === 'u');
      expect(u).toMatchObject({ kind: 'gaussian', device: 'cuda:0' });
      expect(u?.psnr).toBeGreaterThan(20);
    }
    const text = await gaussituWith({}, 'inspect', join(folder, 'model'));
    expect(text.stdout).toMatch(/start +device/);
    expect(text.stdout).toMatch(/warm +cuda:0/);
    expect(await gaussituWith({}, 'verify', join(folder, 'model'), '--against', input)).toMatchObject({
      code: 0,
    });
  });

  test('a card with less memory than a block takes leaves it to the CPU', async () => {
    const args = ['--ratio', '60', '--device', 'cuda:0', '--device-memory', '1k'];
    const outcome = await run('small', emulated, ...args);
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    const json = await gaussituWith({}, 'inspect', join(folder, 'small'), '--json');
    const fields = (JSON.parse(json.stdout) as Inspection).steps.flatMap((s) => s.fields);
    expect(fields.filter((f) => f.name === 'u').map((f) => f.device)).toEqual(['cpu', 'cpu']);
  });
});

test('names that are no device', async () => {
  const wrong = await replay('wrong', missing, '--device', 'gpu');
  expect(wrong).toMatchObject({
    code: 2,
    stderr: 'gaussitu: --device: expected auto, cpu or cuda:N, received gpu [INVALID_ARGUMENT]\n',
  });
});

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, it, onTestFinished } from 'vitest';
import { GRAY_SCOTT, HAS_MPI, MPI_ENV, PYTHON, Probe, pattern, run, temporaryFolder } from './programs.js';
import { until } from './service.js';

const CLI = 'dist/cli/main.js';

/** The real service; `events` are its --json lines. */
class Service {
  readonly events: Record<string, unknown>[] = [];
  private constructor(
    readonly child: ChildProcess,
    readonly out: string,
  ) {}

  static async start(out: string, args: string[] = [], listen = 'tcp://127.0.0.1:0'): Promise<Service> {
    const config = join(out, '..', 'run.yaml');
    // Lossless: what comes out must be, bit for bit, what the simulation put in.
    if (!existsSync(config)) await writeFile(config, 'fields:\n  - {match: "*", model: false}\n');
    const child = spawn(
      process.execPath,
      [CLI, 'serve', '--config', config, '--listen', listen, '--out', out, '--json', ...args],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    onTestFinished(() => {
      child.kill('SIGKILL');
    });
    const service = new Service(child, out);
    createInterface({ input: child.stdout }).on('line', (line) =>
      service.events.push(JSON.parse(line) as Record<string, unknown>),
    );
    await until(() => service.event('listening').length > 0, 'the service listens', 90);
    return service;
  }

  event(name: string): Record<string, unknown>[] {
    return this.events.filter((e) => e['event'] === name);
  }
  get endpoint(): string {
    return String(this.event('listening')[0]!['endpoint']);
  }
  async ended(): Promise<number | null> {
    if (this.child.exitCode === null && this.child.signalCode === null) await once(this.child, 'exit');
    return this.child.exitCode;
  }
}

async function gaussitu(...args: string[]) {
  const result = await run(process.execPath, [CLI, ...args]);
  if (result.code !== 0) throw new Error(`gaussitu ${args.join(' ')}: ${result.stderr}`);
  return result.stdout;
}

const SIZE = ['--grid', '20x16x12', '--start', '30', '--every', '5', '--steps', '4'];

describe('simulation, service, archive', () => {
  it.for<[string, string[]]>([
    ['gray-scott, one rank', []],
    ['gray-scott, two ranks', ['-n', '2']],
  ])('%s: decoded arrays are what was computed, bit for bit', async ([, mpi], { skip }) => {
    skip(mpi.length > 0 && !HAS_MPI, 'no MPI');
    const folder = await temporaryFolder();
    const raw = join(folder, 'raw');
    const service = await Service.start(join(folder, 'run'), ['--once']);
    const couple = [...SIZE, '--endpoint', service.endpoint];
    const command = mpi.length > 0 ? 'mpirun' : GRAY_SCOTT;
    const result = await run(command, mpi.length > 0 ? [...mpi, GRAY_SCOTT, ...couple] : couple, MPI_ENV);
    expect(result.stderr).toBe('');
    expect(result.stdout).toContain('4 of 4 steps durable, 0 dropped');
    expect(await service.ended()).toBe(0);
    await run(GRAY_SCOTT, [...SIZE, '--output', 'none', '--raw', raw, '--quiet']);
    for (const field of ['u', 'v']) {
      const out = join(folder, `${field}.f32`);
      await gaussitu('decode', service.out, '--field', field, '--step', '3', '-o', out);
      expect((await readFile(out)).equals(await readFile(join(raw, `${field}_003.f32`)))).toBe(true);
    }
  });

  it('the service is killed in the middle: the next one gets every step', async () => {
    const folder = await temporaryFolder();
    const out = join(folder, 'run');
    const endpoint = `ipc://${folder}/socket`;
    const first = await Service.start(out, [], endpoint);
    const probe = await Probe.open({ GAUSSITU_ENDPOINT: endpoint });
    await probe.mesh(500);
    for (const step of [0, 1, 2]) await probe.step(step, 500);
    expect((await probe.say('flush 60')).status).toBe('ok');
    // Stopped, it takes what comes without answering; so steps are under way when it dies.
    first.child.kill('SIGSTOP');
    for (const step of [3, 4]) await probe.step(step, 500);
    first.child.kill('SIGKILL');
    await first.ended();
    await probe.step(5, 500);
    const second = await Service.start(out, ['--once'], endpoint);
    expect((await probe.say('close 60')).status).toBe('ok');
    expect(await second.ended()).toBe(0);
    const inspection = JSON.parse(await gaussitu('inspect', out, '--json')) as { steps: { step: number }[] };
    expect(inspection.steps.map((s) => s.step)).toEqual([0, 1, 2, 3, 4, 5]);
    for (const step of [2, 3, 5]) {
      const file = join(folder, 'f.f32');
      await gaussitu('decode', out, '--field', 'f', '--step', String(step), '-o', file);
      expect((await readFile(file)).equals(pattern(2000, step))).toBe(true);
    }
  });

  it('values of a step and its time are kept beside its fields', async () => {
    const folder = await temporaryFolder();
    const service = await Service.start(join(folder, 'run'), ['--once']);
    const probe = await Probe.open({ GAUSSITU_ENDPOINT: service.endpoint });
    await probe.mesh(10);
    expect((await probe.say('number early 1')).status).toBe('state');
    await probe.say('begin 0 0');
    await probe.put({ count: 10, index: 1 });
    for (const line of ['time 2.5', 'number dt 0.25', 'number dt 0.125', 'number count 9007199254740991'])
      expect((await probe.say(line)).status).toBe('ok');
    for (const line of ['number bad nan', 'numbers few 3', 'numbers none 0', 'text label shock-ü'])
      expect((await probe.say(line)).status).toBe('ok');
    expect((await probe.say('numbers many 4001')).error).toMatch(/expected 0 to 4000 numbers, received 4001/);
    // What is too much is refused; the step goes on without it.
    expect((await probe.say('numbers half 2500')).status).toBe('ok');
    expect((await probe.say('numbers more 2500')).error).toMatch(/at most 4000 numbers/);
    await probe.say('end');
    expect((await probe.say('close 60')).status).toBe('ok');
    expect(await service.ended()).toBe(0);
    const { steps } = JSON.parse(await gaussitu('inspect', service.out, '--json')) as {
      steps: { time: number; values: Record<string, unknown> }[];
    };
    expect(steps[0]!.time).toBe(2.5);
    expect(steps[0]!.values).toMatchObject({
      dt: 0.125,
      count: 9007199254740991,
      bad: 'NaN',
      few: [0, 0.5, 1],
      none: [],
      label: 'shock-ü',
    });
  });

  it('a second run at a service for one is refused; the first goes on', async () => {
    const folder = await temporaryFolder();
    const service = await Service.start(join(folder, 'run'), ['--once']);
    const first = await Probe.open({ GAUSSITU_ENDPOINT: service.endpoint });
    await first.mesh(100);
    await first.step(0, 100);
    await first.say('flush 60');
    const other = await Probe.open({ GAUSSITU_ENDPOINT: service.endpoint, GAUSSITU_RUN: 'another' });
    const refusal = await other.say('wait 90');
    expect(refusal.status).toBe('refused');
    await first.step(1, 100);
    expect((await first.say('close 60')).status).toBe('ok');
    expect(await service.ended()).toBe(0);
  });

  it.skipIf(!PYTHON)('push.py', async () => {
    const folder = await temporaryFolder();
    const service = await Service.start(join(folder, 'run'), ['--once']);
    const args = ['examples/python/push.py', '--grid', '16', '--steps', '3', '--endpoint', service.endpoint];
    const { stdout, stderr } = await run(PYTHON!, args);
    expect(stderr).toBe('');
    expect(stdout).toContain('3 of 3 steps durable');
    expect(await service.ended()).toBe(0);
  });

  it('what was spilled can be replayed', async () => {
    const folder = await temporaryFolder();
    const probe = await Probe.open({
      GAUSSITU_ENDPOINT: 'tcp://127.0.0.1:9',
      GAUSSITU_POLICY: 'spill',
      GAUSSITU_SPILL_DIR: join(folder, 'spill'),
    });
    await probe.mesh(500);
    for (const step of [3, 7]) await probe.step(step, 500);
    expect((await probe.say('close 0')).status).toBe('spilled');
    const rank = join(folder, 'spill/test/rank_0000');
    expect(await readdir(rank)).toEqual(['m_0']);
    const config = join(folder, 'run.yaml');
    await writeFile(config, 'fields:\n  - {match: "*", model: false}\n');
    const out = join(folder, 'run');
    await gaussitu('replay', join(rank, 'm_0'), '--config', config, '--out', out);
    const file = join(folder, 'f.f32');
    await gaussitu('decode', out, '--field', 'f', '--step', '7', '-o', file);
    expect((await readFile(file)).equals(pattern(2000, 7))).toBe(true);
  });
});

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openArchive, type ArchiveReader } from '../../src/archive/index.js';
import { createCodec } from '../../src/codec/index.js';
import { BlockDecoder } from '../../src/export/index.js';
import { TestRank, wave } from '../support/client.js';
import { ServiceProcess } from '../support/service.js';

const DIMS = [24, 16, 16] as const;
const RAW = 24 * 16 * 16 * 4;
const codec = createCodec();

let folder: string;
const mounts: string[] = [];
const services: ServiceProcess[] = [];
const clients: TestRank[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gaussitu-serve-'));
});
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
  for (const service of services.splice(0)) await service.kill('SIGKILL');
  for (const mount of mounts.splice(0)) execFileSync('umount', [mount]);
  await rm(folder, { recursive: true, force: true });
});

async function serve(args: string[], shell?: string): Promise<{ service: ServiceProcess; endpoint: string }> {
  const started = await ServiceProcess.listen(args, shell);
  services.push(started.service);
  return started;
}
async function connect(endpoint: string, run = 'gs'): Promise<TestRank> {
  const client = new TestRank(endpoint, run);
  clients.push(client);
  await client.hello();
  await client.uniform(DIMS);
  return client;
}
/** The step's one field is there, whole, and decodes to what its certificate says. */
async function expectDecodes(reader: ArchiveReader, step: number): Promise<void> {
  const { fields } = await reader.readStep(step);
  expect(fields).toHaveLength(1);
  const mesh = (await reader.readMesh('grid', 0, step))!;
  const data = await new BlockDecoder(reader, codec).decode(step, fields[0]!, mesh);
  expect(codec.crc32(data)).toBe(fields[0]!.certificate.crc);
}
/** A small file system needs root that may mount: in many containers it may not. */
function canMount(): boolean {
  const probe = mkdtempSync(join(tmpdir(), 'gaussitu-mount-'));
  try {
    if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', probe]).status !== 0) return false;
    return spawnSync('umount', [probe]).status === 0;
  } finally {
    rmdirSync(probe);
  }
}
/** Runs the command to its end: its exit code and what it says. */
async function fails(args: string[]): Promise<{ code: number | null; text: string }> {
  const service = ServiceProcess.start(args);
  services.push(service);
  const code = await service.exited;
  return { code, text: service.stderr };
}

describe('gaussitu serve', () => {
  test('turns what a simulation sends into an archive that decodes to it', async () => {
    const run = join(folder, 'run');
    const { service, endpoint } = await serve(['--out', run, '--ratio', '8', '--once']);
    const client = await connect(endpoint);
    for (let step = 0; step < 3; step++) {
      await client.step(step, { u: wave(DIMS, step), v: wave(DIMS, step, 1) });
      const ack = await client.ack(step);
      expect(ack).toMatchObject({ raw: 2 * RAW });
      expect(ack.fields.map((field) => field.field).sort()).toEqual(['u', 'v']);
    }
    await client.send({ t: 'bye' });
    expect(await service.exited).toBe(0);
    expect(service.events.map(({ event }) => event)).toEqual([
      'listening',
      'run',
      'step',
      'step',
      'step',
      'finished',
    ]);
    expect(service.events.at(-1)).toMatchObject({ steps: 3, rawBytes: 6 * RAW, dropped: 0, failures: [] });

    const reader = await openArchive(run);
    expect(reader.finished).toBe(true);
    expect(reader.info).toMatchObject({ run: 'gs', ranks: 1 });
    for (const step of await reader.steps()) {
      for (const entry of (await reader.readStep(step)).fields) {
        const { name, certificate } = entry;
        const block = (await reader.readMesh('grid', 0, step))!;
        const data = await new BlockDecoder(reader, codec).decode(step, entry, block);
        const values = new Float32Array(data.slice().buffer);
        const original = wave(DIMS, step, name === 'v' ? 1 : 0);
        const worst = original.reduce((most, value, i) => Math.max(most, Math.abs(value - values[i]!)), 0);
        expect(worst).toBeCloseTo(certificate.maxError, 6);
        expect(certificate.psnr).toBeGreaterThan(25);
      }
    }
  });

  test('keeps every acknowledged step when it is killed, and goes on after a restart', async () => {
    const run = join(folder, 'run');
    const acknowledged = new Set<number>();
    const steps = 12;
    for (const delay of [150, 400, 700]) {
      const { service, endpoint } = await serve(['--out', run, '--ratio', '8']);
      const client = await connect(endpoint);
      void (async () => {
        for (let step = 0; step < steps; step++) {
          if (!acknowledged.has(step)) await client.step(step, { u: wave(DIMS, step) });
        }
      })();
      const kill = setTimeout(() => service.child.kill('SIGKILL'), delay);
      await service.exited;
      clearTimeout(kill);
      for (const message of client.inbox) if (message.t === 'ack') acknowledged.add(message.step);
      const reader = await openArchive(run);
      const durable = await reader.steps();
      for (const step of acknowledged) expect(durable).toContain(step);
      for (const step of durable) await expectDecodes(reader, step);
    }

    const { service, endpoint } = await serve(['--out', run, '--ratio', '8', '--once']);
    const client = await connect(endpoint);
    for (let step = 0; step < steps; step++) await client.step(step, { u: wave(DIMS, step) });
    for (let step = 0; step < steps; step++) await client.ack(step);
    await client.send({ t: 'bye' });
    expect(await service.exited).toBe(0);
    const reader = await openArchive(run);
    expect(await reader.steps()).toEqual(Array.from({ length: steps }, (_, step) => step));
    expect(reader.dropped).toEqual([]);
    for (const step of await reader.steps()) {
      await expectDecodes(reader, step);
    }
  });

  test('goes on when whoever reads its output goes away', async () => {
    const run = join(folder, 'run');
    const { service, endpoint } = await serve(['--out', run, '--ratio', '8', '--once']);
    service.child.stdout?.destroy();
    const client = await connect(endpoint);
    for (let step = 0; step < 2; step++) {
      await client.step(step, { u: wave(DIMS, step) });
      await client.ack(step);
    }
    await client.send({ t: 'bye' });
    expect(await service.exited).toBe(0);
    expect(await (await openArchive(run)).steps()).toEqual([0, 1]);
  });

  test('on Ctrl-C stores what is complete, says so and exits with 130', async () => {
    const run = join(folder, 'run');
    const { service, endpoint } = await serve(['--out', run]);
    const client = await connect(endpoint);
    await client.step(0, { u: wave(DIMS, 0) });
    await client.send({ t: 'begin', step: 1, time: 1 });
    await client.field(1, 'u', wave(DIMS, 1));
    await client.send({ t: 'ping' });
    await client.next('pong');
    expect(await service.kill('SIGINT')).toBe(130);
    expect(service.events.at(-1)).toMatchObject({
      event: 'finished',
      steps: 1,
      dropped: 0,
      signal: 'SIGINT',
    });
    expect(client.inbox).toContainEqual(expect.objectContaining({ t: 'error', code: 'SHUTTING_DOWN' }));
    const reader = await openArchive(run);
    expect(await reader.steps()).toEqual([0]);
    expect(reader.finished).toBe(false);
  });

  test('gives up the step of a simulation that was killed, and takes the run up again', async () => {
    const run = join(folder, 'run');
    const { service, endpoint } = await serve(['--out', run, '--timeout', '1', '--once']);
    const first = await connect(endpoint);
    await first.step(0, { u: wave(DIMS, 0) });
    await first.ack(0);
    await first.send({ t: 'begin', step: 1, time: 1 });
    await first.field(1, 'u', wave(DIMS, 1));
    await first.close();
    while (!service.stderr.includes('step 1 dropped'))
      await new Promise((resolve) => setTimeout(resolve, 50));
    const second = await connect(endpoint);
    await second.step(2, { u: wave(DIMS, 2) });
    await second.ack(2);
    await second.send({ t: 'bye' });
    expect(await service.exited).toBe(0);
    const reader = await openArchive(run);
    expect(await reader.steps()).toEqual([0, 2]);
    expect(reader.dropped).toEqual([{ step: 1, reason: expect.stringMatching(/silent/) as string }]);
  });

  test('a full disk stops the run: what was acknowledged is readable, the client is told', async () => {
    const run = join(folder, 'run');
    // Files of this process may have at most 24 KiB: to it, that is a disk that is full.
    const { service, endpoint } = await serve(['--out', run, '--bytes-per-step', '8k'], 'ulimit -f 24');
    const client = await connect(endpoint);
    await client.step(0, { u: wave(DIMS, 0) });
    await client.ack(0);
    const noise = Int32Array.from({ length: RAW / 4 }, (_, i) => Math.imul(i + 1, 2654435761));
    await client.send({ t: 'begin', step: 1, time: 1 });
    await client.field(1, 'ids', new Float32Array(noise.buffer), { dtype: 'i32' });
    await client.send({ t: 'end', step: 1, fields: 1 });
    expect(await client.next('error')).toMatchObject({ code: 'ARCHIVE_FAILED' });
    expect(await service.exited).toBe(1);
    expect(service.stderr).toMatch(/\[ARCHIVE_FAILED\]/);
    expect(client.inbox.some((message) => message.t === 'ack')).toBe(false);
    expect(await (await openArchive(run)).steps()).toEqual([0]);

    // With room again, the run goes on where it was.
    const again = await serve(['--out', run, '--once']);
    const back = await connect(again.endpoint);
    await back.step(1, { u: wave(DIMS, 1) });
    await back.ack(1);
    await back.send({ t: 'bye' });
    expect(await again.service.exited).toBe(0);
    expect(await (await openArchive(run)).steps()).toEqual([0, 1]);
  });

  test.skipIf(!canMount())(
    'a file system that is really full: every acknowledged step is whole, and the run goes on when there is room',
    async () => {
      const disk = join(folder, 'disk');
      await mkdir(disk);
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk]);
      mounts.push(disk);
      const run = join(disk, 'run');
      const { service, endpoint } = await serve(['--out', run, '--bytes-per-step', '8k']);
      const client = await connect(endpoint);
      const acknowledged: number[] = [];
      let refusal: object = {};
      for (let step = 0; ; step++) {
        await client.step(step, { u: wave(DIMS, step) });
        const answer = await client.next('ack', 'error');
        refusal = answer;
        if (answer.t === 'error') break;
        acknowledged.push(step);
      }
      expect(refusal).toMatchObject({
        code: 'ARCHIVE_FAILED',
        message: expect.stringMatching(/ENOSPC/) as string,
      });
      expect(await service.exited).toBe(1);
      expect(service.stderr).toMatch(/no space left.*\[ARCHIVE_FAILED\]/s);
      expect(acknowledged.length).toBeGreaterThan(2);
      const reader = await openArchive(run);
      expect(await reader.steps()).toEqual(acknowledged);
      for (const step of acknowledged) await expectDecodes(reader, step);

      execFileSync('mount', ['-o', 'remount,size=1m', disk]);
      const next = acknowledged.length;
      const again = await serve(['--out', run, '--bytes-per-step', '8k', '--once']);
      const back = await connect(again.endpoint);
      await back.step(next, { u: wave(DIMS, next) });
      await back.ack(next);
      await back.send({ t: 'bye' });
      expect(await again.service.exited).toBe(0);
      expect(await (await openArchive(run)).steps()).toEqual([...acknowledged, next]);
    },
  );

  test('serves many runs; one that fails leaves the others alone', async () => {
    const { service, endpoint } = await serve(['--out', folder, '--multi']);
    await writeFile(join(folder, 'bad'), 'a file where the run folder should be');
    const [a, b] = [await connect(endpoint, 'a'), await connect(endpoint, 'b')];
    await expect(connect(endpoint, 'bad')).rejects.toThrow(/refused: ARCHIVE_FAILED/);
    await a.send(Buffer.from('garbage'));
    expect(await a.next('error')).toMatchObject({ code: 'BAD_HEADER' });
    await Promise.all([a.step(0, { u: wave(DIMS, 0) }), b.step(0, { u: wave(DIMS, 0) })]);
    await Promise.all([a.ack(0), b.ack(0)]);
    await rm(join(folder, 'a'), { recursive: true });
    await a.step(1, { u: wave(DIMS, 1) });
    expect(await a.next('error')).toMatchObject({ code: 'ARCHIVE_FAILED' });
    await b.step(1, { u: wave(DIMS, 1) });
    await b.ack(1);
    expect(await service.kill('SIGTERM')).toBe(130);
    expect(await (await openArchive(join(folder, 'b'))).steps()).toEqual([0, 1]);
  });

  test('takes one run at a time unless told otherwise', async () => {
    const { endpoint } = await serve(['--out', join(folder, 'run')]);
    const client = await connect(endpoint, 'one');
    await expect(connect(endpoint, 'two')).rejects.toThrow(/refused: RUN_BUSY.*--multi/);
    await client.step(0, { u: wave(DIMS, 0) });
    await client.ack(0);
  });

  test('says at the start what is wrong', async () => {
    const run = join(folder, 'run');
    const { endpoint } = await serve(['--out', run]);
    await connect(endpoint);
    const file = join(folder, 'file');
    await writeFile(file, '');
    await writeFile(join(folder, 'bad.yaml'), 'memory: 1G\nratoi: 3\n');
    const cases: [string[], number, RegExp][] = [
      [
        ['--out', join(folder, 'other'), '--listen', endpoint],
        1,
        /another process listens on.*ADDRESS_IN_USE/,
      ],
      [['--out', run, '--listen', 'tcp://127.0.0.1:0'], 1, /being written by another process.*ARCHIVE_BUSY/],
      [['--out', join(file, 'run')], 1, /ENOTDIR.*ARCHIVE_FAILED/],
      [['--config', join(folder, 'bad.yaml')], 2, /bad\.yaml:2:1: ratoi.*INVALID_CONFIG/],
      [['--config', join(folder, 'none.yaml')], 2, /cannot read run file/],
      [[], 2, /--out: expected a folder/],
      [['--out', run, '--listen', 'tcp://*:5555'], 2, /--allow-remote/],
      [['--out', run, '--ratio', '-1'], 2, /--ratio: expected a number above 0, received -1/],
      [['--out', run, '--ratio', '3', '--psnr', '40'], 2, /cannot be used with/],
    ];
    const results = await Promise.all(cases.map(([args]) => fails(args)));
    for (const [i, [args, code, pattern]] of cases.entries()) {
      expect({ args, ...results[i] }).toMatchObject({
        args,
        code,
        text: expect.stringMatching(pattern) as string,
      });
    }
  });
});

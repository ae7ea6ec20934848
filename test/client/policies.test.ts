import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Probe, pattern, temporaryFolder } from './programs.js';
import { TestService, until } from './service.js';

/** An address where nobody listens. */
const NOBODY = 'tcp://127.0.0.1:9';

describe('block', () => {
  it('waits for room while the service moves', async () => {
    const service = await TestService.start({ acknowledge: false });
    const probe = await Probe.open({ GAUSSITU_ENDPOINT: service.endpoint, GAUSSITU_BUFFER_BYTES: '8000' });
    await probe.mesh();
    await probe.step(0);
    await probe.step(1);
    await probe.say('begin 2 0');
    let room = false;
    const put = probe.put().then((answer) => {
      room = true;
      return answer;
    });
    await until(() => service.ends.length === 2, 'two steps arrived');
    expect(room).toBe(false);
    service.acknowledge(0);
    expect((await put).status).toBe('ok');
    await probe.say('end');
    await until(() => service.ends.length === 3, 'the third step arrived');
    service.acknowledge(1);
    service.acknowledge(2);
    expect((await probe.say('flush 90')).status).toBe('ok');
    expect(await probe.status()).toMatchObject({ acknowledged: 3, dropped: 0, peak: 8000 });
    // Sent arrays are let go of by libzmq's thread, a moment later.
    await until(async () => (await probe.status()).buffer === 0, 'the buffer is empty');
  });

  it('waits once per outage, then drops whole steps and records them', async () => {
    const probe = await Probe.open({
      GAUSSITU_ENDPOINT: NOBODY,
      GAUSSITU_BUFFER_BYTES: '8000',
      GAUSSITU_BLOCK_SECONDS: '0.3',
    });
    await probe.mesh();
    const ends: string[] = [];
    for (const step of [0, 10, 20, 30]) {
      await probe.say(`begin ${step} 0`);
      await probe.put({ name: 'a', count: 1000 });
      ends.push((await probe.say('end')).status);
    }
    expect(ends).toEqual(['ok', 'ok', 'dropped', 'dropped']);
    expect(await probe.status()).toMatchObject({
      ended: 4,
      dropped: 2,
      pending: 2,
      lost: [20, 30],
      peak: 8000,
    });
    expect((await probe.say('close 0.1')).status).toBe('timeout');
  });

  it('a step that is begun and does not fit is absent, not half there', async () => {
    const service = await TestService.start({ acknowledge: false });
    const probe = await Probe.open({
      GAUSSITU_ENDPOINT: service.endpoint,
      GAUSSITU_BUFFER_BYTES: '10000',
      GAUSSITU_BLOCK_SECONDS: '0',
    });
    await probe.mesh();
    await probe.step(0);
    await probe.say('begin 1 0');
    expect((await probe.put({ name: 'a' })).status).toBe('ok');
    const { status, error } = await probe.put({ name: 'b' });
    expect(status).toBe('dropped');
    expect(error).toMatch(/step 1 dropped: no room in the buffer of 10000/);
    expect((await probe.put({ name: 'c' })).status).toBe('dropped');
    expect((await probe.say('end')).status).toBe('dropped');
    expect((await probe.status()).buffer).toBe(4000);
    await until(() => service.ends.length === 1, 'step 0 arrived');
    service.acknowledge(0);
    await probe.say('flush 90');
    expect(await probe.step(2)).toBe('ok');
    await until(() => service.ends.length === 2, 'step 2 arrived');
    expect(service.ends).toEqual([0, 2]);
    expect(service.steps.has(1)).toBe(false);
  });

  it('says at once when one step is larger than the whole buffer', async () => {
    const probe = await Probe.open({ GAUSSITU_ENDPOINT: NOBODY, GAUSSITU_BUFFER_BYTES: '3k' });
    await probe.mesh();
    await probe.say('begin 0 0');
    const { status, error } = await probe.put();
    expect(status).toBe('memory');
    expect(error).toMatch(/fit the buffer of 3000 bytes, received 4000.*raise buffer_bytes/);
    expect((await probe.say('end')).status).toBe('memory');
    expect((await probe.status()).lost).toEqual([0]);
  });
});

describe('drop', () => {
  it('never waits', async () => {
    const probe = await Probe.open({
      GAUSSITU_ENDPOINT: NOBODY,
      GAUSSITU_POLICY: 'drop',
      GAUSSITU_BUFFER_BYTES: '8000',
      GAUSSITU_BLOCK_SECONDS: '1000',
    });
    await probe.mesh();
    const ends: string[] = [];
    for (let step = 0; step < 4; step++) ends.push(await probe.step(step));
    expect(ends).toEqual(['ok', 'ok', 'dropped', 'dropped']);
    expect((await probe.status()).lost).toEqual([2, 3]);
  });
});

describe('off', () => {
  it('does nothing, successfully', async () => {
    const probe = await Probe.open({ GAUSSITU_POLICY: 'Off', GAUSSITU_ENDPOINT: 'nonsense' });
    await probe.mesh();
    expect(await probe.step(0)).toBe('ok');
    expect(await probe.step(0)).toBe('ok');
    expect((await probe.say('close 90')).status).toBe('ok');
  });
});

describe('flush and close', () => {
  it('do not wait for a service that never answered longer than silence may last', async () => {
    const probe = await Probe.open({ GAUSSITU_ENDPOINT: NOBODY, GAUSSITU_LIVENESS_SECONDS: '0.2' });
    await probe.mesh();
    await probe.step(0);
    expect((await probe.say('flush 1e6')).status).toBe('timeout');
    const { status, error } = await probe.say('close 1e6');
    expect(status).toBe('timeout');
    expect(error).toMatch(
      /1 steps are not known to be stored; last: no service answered at .*127\.0\.0\.1:9/,
    );
  });

  it('wait for one that answers, even while they wait, as long as they are told', async () => {
    const endpoint = `ipc://${await temporaryFolder()}/socket`;
    const probe = await Probe.open({ GAUSSITU_ENDPOINT: endpoint, GAUSSITU_LIVENESS_SECONDS: '5' });
    await probe.mesh();
    await probe.step(0);
    const flushed = probe.say('flush 90');
    const service = await TestService.start({ listen: endpoint, acknowledge: false });
    await until(() => service.pings >= 6, 'more than the five seconds passed, a ping in each');
    service.acknowledge(0);
    expect((await flushed).status).toBe('ok');
  });
});

interface Meta {
  fields: string[];
  steps: number;
  step_numbers: number[];
  times: number[];
  [key: string]: unknown;
}
const readMeta = (folder: string) => JSON.parse(readFileSync(join(folder, 'meta.json'), 'utf8')) as Meta;

const env = (folder: string, endpoint: string) => ({
  GAUSSITU_ENDPOINT: endpoint,
  GAUSSITU_POLICY: 'spill',
  GAUSSITU_SPILL_DIR: folder,
  GAUSSITU_BUFFER_BYTES: '8000',
});

describe('spill', () => {
  it('writes what does not fit, sends it when the service comes, then deletes it', async () => {
    const folder = await temporaryFolder();
    const endpoint = `ipc://${folder}/socket`;
    const spill = join(folder, 'spill');
    const probe = await Probe.open(env(spill, endpoint));
    await probe.mesh();
    const ends: string[] = [];
    for (let step = 0; step < 5; step++) ends.push(await probe.step(step));
    expect(ends).toEqual(['ok', 'ok', 'spilled', 'spilled', 'spilled']);
    expect(await probe.status()).toMatchObject({ spilled: 3, pending: 5, dropped: 0, peak: 8000 });
    const block = join(spill, 'test/rank_0000/m_0');
    expect(readMeta(block)).toMatchObject({
      fields: ['f'],
      steps: 3,
      step_numbers: [2, 3, 4],
      times: [1, 1.5, 2],
      dtype: '<f4',
      coords_file: 'coords.bin',
      file_pattern: '<field>_<step:03d>.f32',
    });
    expect(readFileSync(join(block, 'f_001.f32')).equals(pattern(4000, 3))).toBe(true);

    const service = await TestService.start({ listen: endpoint });
    expect((await probe.say('flush 90')).status).toBe('ok');
    expect(service.ends).toEqual([0, 1, 2, 3, 4]);
    for (const step of service.ends)
      expect(service.field(step, 'f')!.frames[0]!.equals(pattern(4000, step))).toBe(true);
    expect(service.violations).toEqual([]);
    await until(() => !existsSync(join(spill, 'test')), 'the spilled files were deleted');
    expect(await probe.status()).toMatchObject({ spilled: 0, acknowledged: 5, pending: 0 });
    expect((await probe.say('close 90')).status).toBe('ok');
  });

  it('close leaves everything that was not acknowledged on disk, whole steps only', async () => {
    const folder = await temporaryFolder();
    const probe = await Probe.open(env(folder, NOBODY));
    await probe.say('define uniform g 2');
    await probe.say('define unstructured64 t 0');
    for (const step of [7, 9]) {
      await probe.say(`begin ${step} ${step}`);
      await probe.put({ name: 'p', mesh: 'g', block: 2, count: 24, dtype: 1 });
      await probe.put({ name: 'T', mesh: 't', count: 2, association: 1, components: 3 });
      await probe.say('end');
    }
    await probe.say('begin 11 11');
    await probe.put({ name: 'p', mesh: 'g', block: 2, count: 24, dtype: 1 });
    const { status, error } = await probe.say('close 0.2');
    expect(status).toBe('spilled');
    expect(error).toContain(folder);
    const rank = join(folder, 'test/rank_0000');
    expect(readdirSync(rank).sort()).toEqual(['g_2_f64', 't_0_cell']);
    expect(readMeta(join(rank, 'g_2_f64'))).toMatchObject({
      step_numbers: [7, 9],
      dims: [4, 3, 2],
      ghost: [1, 0, 0, 1, 0, 0],
      origin: [-1, 2, 0.25],
    });
    expect(readMeta(join(rank, 't_0_cell'))).toMatchObject({
      association: 'cell',
      components: { T: 3 },
      connectivity_dtype: '<i8',
    });
    expect(readdirSync(join(rank, 'g_2_f64')).sort()).toEqual(['meta.json', 'p_000.f64', 'p_001.f64']);
    expect(readFileSync(join(rank, 't_0_cell/T_001.f32')).equals(pattern(24, 9))).toBe(true);
  });

  it('a folder that cannot be written costs the step, not the simulation', async () => {
    const folder = await temporaryFolder();
    const probe = await Probe.open({ ...env('/proc/nowhere', NOBODY) });
    await probe.mesh();
    for (const step of [0, 1]) await probe.step(step);
    expect(await probe.step(2)).toBe('disk');
    expect((await probe.status()).lost).toEqual([2]);
    expect((await probe.say('close 0.1')).status).toBe('timeout');
    expect(readdirSync(folder)).toEqual([]);
  });
});

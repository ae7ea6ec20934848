import { Packr } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import { Probe, pattern, temporaryFolder } from './programs.js';
import { TestService, until } from './service.js';

const packr = new Packr({ useRecords: false, variableMapSize: true });

describe('the service comes, goes and comes back', () => {
  it('may be absent at the start', async () => {
    const endpoint = `ipc://${await temporaryFolder()}/socket`;
    const probe = await Probe.open({ GAUSSITU_ENDPOINT: endpoint });
    await probe.mesh();
    for (const step of [0, 1, 2]) expect(await probe.step(step)).toBe('ok');
    expect((await probe.say('wait 0.2')).status).toBe('timeout');
    const service = await TestService.start({ listen: endpoint });
    expect((await probe.say('wait 90')).status).toBe('ok');
    expect((await probe.say('close 90')).status).toBe('ok');
    expect(service.ends).toEqual([0, 1, 2]);
    expect(service.violations).toEqual([]);
  });

  it('killed in the middle: what was not acknowledged is sent again, meshes first', async () => {
    const folder = await temporaryFolder();
    const first = await TestService.start({ acknowledge: false });
    const probe = await Probe.open({ GAUSSITU_ENDPOINT: first.endpoint });
    await probe.mesh();
    for (const step of [0, 1, 2, 3]) await probe.step(step);
    await until(() => first.ends.length === 4, 'four steps arrived');
    first.acknowledge(0);
    first.acknowledge(1);
    await until(async () => (await probe.status()).acknowledged === 2, 'two steps were acknowledged');
    await first.stop();
    await until(async () => (await probe.status()).connected === 0, 'the loss was noticed');
    expect(await probe.step(4)).toBe('ok');

    const second = await TestService.start({ listen: first.endpoint, committed: 1 });
    expect((await probe.say('flush 90')).status).toBe('ok');
    expect(second.ends).toEqual([2, 3, 4]);
    expect(second.field(3, 'f')!.frames[0]!.equals(pattern(4000, 3))).toBe(true);
    expect(second.violations).toEqual([]);
    expect(await probe.status()).toMatchObject({ acknowledged: 5, reconnects: 1, dropped: 0, rejected: 0 });
    expect((await probe.say('close 90')).status).toBe('ok');
    expect(folder).toBeTruthy();
  });

  it('a service that lost its memory (HELLO_EXPECTED) gets hello, mesh and steps again', async () => {
    let forget = false;
    const service = await TestService.start({
      acknowledge: false,
      intercept: (self, peer, message) => {
        if (!forget || message.t === 'hello') return false;
        forget = false;
        self.send({ t: 'error', code: 'HELLO_EXPECTED', message: 'who are you?' }, peer);
        return true;
      },
    });
    const probe = await Probe.open({ GAUSSITU_ENDPOINT: service.endpoint });
    await probe.mesh();
    await probe.step(0);
    await until(() => service.ends.length === 1, 'the step arrived');
    forget = true;
    await until(() => service.hellos.length === 2 && service.ends.length === 2, 'everything came again');
    service.acknowledge(0);
    expect((await probe.say('close 90')).status).toBe('ok');
  });

  it('silence beyond the liveness limit begins the conversation again', async () => {
    let silent = true;
    const service = await TestService.start({ intercept: () => silent });
    const probe = await Probe.open({ GAUSSITU_ENDPOINT: service.endpoint, GAUSSITU_LIVENESS_SECONDS: '0.5' });
    await probe.mesh();
    await probe.step(0);
    expect((await probe.say('flush 1.2')).status).toBe('timeout');
    expect((await probe.say('end')).status).toBe('state');
    silent = false;
    expect((await probe.say('close 90')).status).toBe('ok');
    expect(service.ends).toEqual([0]);
  });

  it('pings keep a quiet conversation alive', async () => {
    const service = await TestService.start();
    const probe = await Probe.open({ GAUSSITU_ENDPOINT: service.endpoint, GAUSSITU_LIVENESS_SECONDS: '4' });
    await until(() => service.pings >= 4, 'pings came');
    expect(await probe.status()).toMatchObject({ connected: 1, reconnects: 0 });
  });
});

const refusing = (code: string, message: string) =>
  TestService.start({
    intercept: (self, peer, received) => {
      if (received.t === 'hello') self.send({ t: 'refuse', code, message }, peer);
      return true;
    },
  });

describe('the service says no', () => {
  it('a refusal ends the coupling, not the simulation', async () => {
    const service = await refusing('RUN_BUSY', 'another simulation has this run');
    const probe = await Probe.open({ GAUSSITU_ENDPOINT: service.endpoint });
    await probe.mesh();
    const { status, error } = await probe.say('wait 90');
    expect(status).toBe('refused');
    expect(error).toMatch(/refused this run \[RUN_BUSY\]: another simulation/);
    expect((await probe.say('begin 0 0')).status).toBe('refused');
    expect((await probe.put()).status).toBe('refused');
    expect((await probe.say('end')).status).toBe('refused');
    expect((await probe.say('flush 90')).status).toBe('ok');
    expect(await probe.status()).toMatchObject({ refused: 1, dropped: 1, lost: [0] });
    expect((await probe.say('close 90')).status).toBe('refused');
  });

  it('a refusal frees a simulation that waits for room', async () => {
    let peers: Buffer[] = [];
    const service = await TestService.start({
      intercept: (_, peer, message) => {
        if (message.t === 'hello') peers = [peer];
        return true;
      },
    });
    const probe = await Probe.open({ GAUSSITU_ENDPOINT: service.endpoint, GAUSSITU_BUFFER_BYTES: '4000' });
    await probe.mesh();
    await probe.step(0);
    await probe.say('begin 1 0');
    const put = probe.put();
    await until(() => peers.length > 0, 'hello came');
    service.send({ t: 'refuse', code: 'VERSION', message: 'expected 9' }, peers[0]);
    // Refused steps leave the buffer, so either there is room at last or the refusal is told.
    expect(['ok', 'refused']).toContain((await put).status);
    await probe.say('end');
    expect((await probe.say('close 90')).status).toBe('refused');
  });

  it('a refused run goes to disk with the spill policy', async () => {
    const folder = await temporaryFolder();
    const service = await refusing('RUN', 'no such run');
    const probe = await Probe.open({
      GAUSSITU_ENDPOINT: service.endpoint,
      GAUSSITU_POLICY: 'spill',
      GAUSSITU_SPILL_DIR: folder,
    });
    await probe.mesh();
    await probe.say('wait 90');
    expect(await probe.step(0)).toBe('spilled');
    expect((await probe.say('close 1')).status).toBe('spilled');
  });

  it('SHUTTING_DOWN is not a refusal: the next service gets everything', async () => {
    const first = await refusing('SHUTTING_DOWN', 'come back later');
    const probe = await Probe.open({ GAUSSITU_ENDPOINT: first.endpoint });
    await probe.mesh();
    await probe.step(0);
    await until(async () => (await probe.say('flush 0.1')).error.includes('SHUTTING_DOWN'), 'it was told');
    await first.stop();
    const second = await TestService.start({ listen: first.endpoint });
    expect((await probe.say('close 90')).status).toBe('ok');
    expect(second.ends).toEqual([0]);
  });

  it('a step that is given up frees its memory and is recorded; a bad field does not end its step', async () => {
    const service = await TestService.start({ acknowledge: false });
    const probe = await Probe.open({ GAUSSITU_ENDPOINT: service.endpoint });
    await probe.mesh();
    for (const step of [0, 1, 2]) await probe.step(step);
    await until(() => service.ends.length === 3, 'three steps arrived');
    service.send({ t: 'error', code: 'BAD_STEP', message: 'rank 1 left it out', step: 0 });
    service.send({ t: 'error', code: 'FIELD_FAILED', message: 'not finite', step: 2, field: 'f' });
    await until(async () => (await probe.status()).errors === 2, 'both errors came');
    expect(await probe.status()).toMatchObject({ rejected: 1, pending: 2, lost: [0] });
    // Steps complete in order: an acknowledged step decides the earlier ones.
    service.acknowledge(2);
    expect((await probe.say('flush 90')).status).toBe('ok');
    expect(await probe.status()).toMatchObject({ acknowledged: 1, rejected: 2, lost: [0, 1] });
    // Sent arrays are let go of by libzmq's thread, a moment later.
    await until(async () => (await probe.status()).buffer === 0, 'the buffer is empty');
  });

  it('arrays above its limit are not sent', async () => {
    const service = await TestService.start({ maxMessage: 13_000 });
    const probe = await Probe.open({ GAUSSITU_ENDPOINT: service.endpoint });
    await probe.mesh();
    await probe.say('wait 90');
    await probe.say('begin 0 0');
    await probe.put({ components: 4 });
    await probe.say('end');
    await probe.step(1);
    expect((await probe.say('flush 90')).status).toBe('ok');
    expect(service.ends).toEqual([1]);
    expect(await probe.status()).toMatchObject({ rejected: 1, acknowledged: 1 });
  });
});

describe('answers that make no sense', () => {
  it('are counted and skipped, whatever their bytes', async () => {
    const service = await TestService.start();
    const probe = await Probe.open({ GAUSSITU_ENDPOINT: service.endpoint });
    await probe.mesh();
    await probe.say('wait 90');
    const bad = [
      Buffer.alloc(0),
      Buffer.from([0xc1]),
      Buffer.from([0xdf, 0xff, 0xff, 0xff, 0xff]),
      Buffer.alloc(60_000, 0x91),
      packr.pack({ t: 'ack' }),
      packr.pack({ t: 'ack', step: -4 }),
      packr.pack({ t: 'ack', step: 1e300 }),
      packr.pack({ t: 'credit', bytes: -1 }),
      packr.pack({ t: 'credit', bytes: 'many' }),
      packr.pack({ t: 'ack', step: 77, raw: 1, stored: 1, fields: [] }),
      packr.pack([1, 2, 3]),
    ];
    for (const bytes of bad) service.send(bytes);
    service.send({ t: 'future', of: 'the protocol' });
    service.send({ t: 'credit', bytes: Number.MAX_SAFE_INTEGER });
    await until(async () => (await probe.status()).errors === bad.length, 'all were counted');
    expect(await probe.step(0)).toBe('ok');
    expect((await probe.say('close 90')).status).toBe('ok');
    expect(service.ends).toEqual([0]);
  });

  it('a header above 64 KiB ends the connection, and the next one goes on', async () => {
    const service = await TestService.start();
    const probe = await Probe.open({ GAUSSITU_ENDPOINT: service.endpoint });
    await probe.mesh();
    await probe.say('wait 90');
    service.send(Buffer.alloc(70_000));
    await until(() => service.hellos.length === 2, 'it said hello again');
    await probe.step(0);
    expect((await probe.say('close 90')).status).toBe('ok');
  });
});

describe('the simulation ends', () => {
  it('close waits for what is pending, but not longer than it was told', async () => {
    const service = await TestService.start({ acknowledge: false });
    const probe = await Probe.open({ GAUSSITU_ENDPOINT: service.endpoint });
    await probe.mesh();
    await probe.step(0);
    await until(() => service.ends.length === 1, 'the step arrived');
    const { status, error } = await probe.say('close 0.3');
    expect(status).toBe('timeout');
    expect(error).toMatch(/1 steps are not known to be stored/);
    await until(() => service.byes.length === 1, 'goodbye came');
  });

  it('close with nobody there returns', async () => {
    const probe = await Probe.open({ GAUSSITU_ENDPOINT: 'tcp://127.0.0.1:9' });
    expect((await probe.say('close 0')).status).toBe('ok');
  });
});

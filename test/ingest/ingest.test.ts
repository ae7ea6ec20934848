import { crc32 } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import { GaussituError } from '../../src/errors.js';
import { openIngest } from '../../src/ingest/index.js';
import type { SourceEvent } from '../../src/protocol/source.js';
import { TestRank, wave } from '../support/client.js';
import { record, summary, type Recorder } from './support.js';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const thing of open.splice(0).reverse()) await thing.close();
});

async function service(options: Parameters<typeof record>[0] = {}): Promise<Recorder> {
  const recorder = await record(options);
  open.push(recorder.server);
  return recorder;
}
function rank(recorder: Recorder, run = 'run', index = 0, ranks = 1): TestRank {
  const client = new TestRank(recorder.server.endpoint, run, index, ranks);
  open.push(client);
  return client;
}
const fieldsOf = (events: SourceEvent[]): string[] =>
  events.flatMap((event) => (event.type === 'field' ? [`${event.field.step}:${event.field.field}`] : []));
const isStep =
  (step: number) =>
  (event: SourceEvent): boolean =>
    event.type === 'step' && event.step === step;
const isAbandon =
  (step: number) =>
  (event: SourceEvent): boolean =>
    event.type === 'abandon' && event.step === step;

const DIMS = [8, 4, 2] as const;
const VALUES = wave(DIMS, 0);

describe('a run', () => {
  test('delivers meshes, fields and steps as they were sent, then ends', async () => {
    const recorder = await service();
    const client = rank(recorder, 'gs');
    const welcome = await client.hello({ meta: { dt: 0.5 }, targets: { u: { ratio: 10 } } });
    expect(welcome).toEqual({ t: 'welcome', v: 1, credit: 1e6, committed: -1, maxMessage: 1e6 });
    await client.uniform(DIMS, { ghost: [1, 1, 0, 0, 0, 0] });
    await client.send({ t: 'begin', step: 5, time: 0.25 });
    const bytes = new Uint8Array(VALUES.buffer);
    await client.field(5, 'u', VALUES, { units: 'm/s', target: { psnr: 50 }, crc: crc32(bytes) });
    await client.send({ t: 'end', step: 5, fields: 1 });
    await recorder.seen(isStep(5));
    expect(recorder.sources[0]?.info).toEqual({
      run: 'gs',
      ranks: 1,
      client: 'test',
      meta: { dt: 0.5 },
      targets: { u: { ratio: 10 } },
    });
    const field = recorder.events.find((event) => event.type === 'field')?.field;
    expect(field).toMatchObject({
      step: 5,
      time: 0.25,
      field: 'u',
      association: 'node',
      dtype: 'f32',
      components: 1,
      units: 'm/s',
      target: { psnr: 50 },
    });
    expect(Buffer.from(field!.data).equals(bytes)).toBe(true);
    recorder.sources[0]!.committed(summary(5));
    expect(await client.next('ack')).toEqual({ t: 'ack', step: 5, raw: 4096, stored: 41, fields: [] });
    await client.send({ t: 'ping' });
    await client.next('pong');
    await client.send({ t: 'bye' });
    await recorder.finished;
  });

  test('is complete when every rank has ended the step, and finished when every rank has left', async () => {
    const recorder = await service();
    const ranks = [0, 1, 2].map((index) => rank(recorder, 'gs', index, 3));
    for (const client of ranks) {
      expect((await client.hello()).credit).toBe(333_333);
      await client.uniform(DIMS);
    }
    for (const client of ranks.slice(0, 2)) await client.step(0, { u: VALUES });
    await ranks[0]!.step(1, { u: VALUES });
    await ranks[0]!.send({ t: 'ping' });
    await ranks[0]!.next('pong');
    expect(recorder.events.some((event) => event.type === 'step')).toBe(false);
    await ranks[2]!.step(0, { u: VALUES });
    await recorder.seen(isStep(0));
    expect(fieldsOf(recorder.events).filter((f) => f === '0:u')).toHaveLength(3);
    recorder.sources[0]!.committed(summary(0));
    for (const client of ranks) expect((await client.next('ack')).step).toBe(0);
    for (const client of ranks) await client.send({ t: 'bye' });
    await recorder.finished;
    expect(recorder.events.filter(isAbandon(1))).toHaveLength(1);
  });

  test('is known by its hello: anything before is answered with HELLO_EXPECTED', async () => {
    const recorder = await service();
    const client = rank(recorder);
    await client.send({ t: 'begin', step: 0, time: 0 });
    expect(await client.next('error')).toMatchObject({ code: 'HELLO_EXPECTED' });
  });
});

describe('credit', () => {
  test('is given back when a field is released, and bounds what an honest client sends', async () => {
    const recorder = await service({ memory: 1000 });
    const client = rank(recorder);
    expect((await client.hello()).credit).toBe(1000);
    await client.uniform(DIMS);
    await client.send({ t: 'begin', step: 0, time: 0 });
    for (const name of ['a', 'b', 'c', 'd']) await client.field(0, name, VALUES); // 256 bytes each
    expect(client.credit).toBe(-24);
    const waiting = client.field(0, 'e', VALUES);
    await client.send({ t: 'ping' });
    await client.next('pong');
    expect(fieldsOf(recorder.events)).toHaveLength(4);
    recorder.releaseAll(true);
    await waiting;
    await recorder.seen((event) => event.type === 'field' && event.field.field === 'e');
    await client.send({ t: 'ping' });
    await client.next('pong');
    expect(client.credit).toBe(1000);
  });

  test('that is overdrawn by more than one message is refused, not stored', async () => {
    const recorder = await service({ memory: 300 });
    const client = rank(recorder);
    await client.hello();
    await client.uniform(DIMS);
    await client.send({ t: 'begin', step: 0, time: 0 });
    for (const name of ['a', 'b', 'c']) {
      client.credit = 1;
      await client.field(0, name, VALUES);
    }
    expect(await client.next('error')).toMatchObject({ code: 'TOO_LARGE', step: 0, field: 'c' });
    expect(fieldsOf(recorder.events)).toEqual(['0:a', '0:b']);
  });

  test('of a rank that reconnects is what is free of its window', async () => {
    const recorder = await service({ memory: 1000 });
    const first = rank(recorder);
    await first.hello();
    await first.uniform(DIMS);
    await first.send({ t: 'begin', step: 0, time: 0 });
    await first.field(0, 'a', VALUES);
    await recorder.seen((event) => event.type === 'field');
    const second = rank(recorder);
    expect((await second.hello()).credit).toBe(744);
    recorder.releaseAll();
    expect(await second.next('credit')).toEqual({ t: 'credit', bytes: 256 });
  });
});

describe('a rank that reconnects', () => {
  test('sends again what was not acknowledged, and nothing is delivered twice', async () => {
    const recorder = await service();
    const first = rank(recorder);
    await first.hello();
    await first.uniform(DIMS);
    await first.step(0, { u: VALUES });
    await first.send({ t: 'begin', step: 1, time: 1 });
    await first.field(1, 'u', VALUES);
    await recorder.seen((event) => event.type === 'field' && event.field.step === 1);
    recorder.sources[0]!.committed(summary(0));
    await first.close();

    const second = rank(recorder);
    expect((await second.hello()).committed).toBe(0);
    await second.uniform(DIMS);
    await second.step(0, { u: VALUES });
    expect(await second.next('ack')).toEqual({ t: 'ack', step: 0, raw: 0, stored: 0, fields: [] });
    await second.step(1, { u: VALUES, v: VALUES });
    await recorder.seen(isStep(1));
    expect(fieldsOf(recorder.events)).toEqual(['0:u', '1:u', '1:v']);
    expect(recorder.events.filter((event) => event.type === 'mesh')).toHaveLength(1);
  });

  test('after a restart of the service is told what is durable', async () => {
    const recorder = await service();
    recorder.durable = [0, 1, 3];
    const client = rank(recorder);
    expect((await client.hello()).committed).toBe(3);
    await client.uniform(DIMS);
    await client.step(1, { u: VALUES });
    expect((await client.next('ack')).step).toBe(1);
    // Step 2 was dropped before the restart: it must not be acknowledged.
    await client.step(2, { u: VALUES });
    expect(await client.next('error')).toMatchObject({ code: 'BAD_STEP', step: 2 });
    await client.step(4, { u: VALUES });
    await recorder.seen(isStep(4));
    expect(client.inbox.filter((message) => message.t === 'ack')).toEqual([]);
  });

  test('under a run id that is in use elsewhere sends the other client away', async () => {
    const recorder = await service();
    const first = rank(recorder);
    const second = rank(recorder);
    await first.hello();
    await second.hello();
    await first.send({ t: 'ping' });
    expect(await first.next('refuse')).toMatchObject({ code: 'RUN_BUSY' });
    await second.send({ t: 'ping' });
    await second.next('pong');
  });
});

describe('a step is given up', () => {
  test('when a rank goes on without ending it', async () => {
    const recorder = await service();
    const client = rank(recorder);
    await client.hello();
    await client.uniform(DIMS);
    await client.send({ t: 'begin', step: 0, time: 0 });
    await client.field(0, 'u', VALUES);
    await client.step(1, { u: VALUES });
    await recorder.seen(isStep(1));
    expect(recorder.events.some(isAbandon(0))).toBe(true);
    expect(await client.next('error')).toMatchObject({ code: 'BAD_STEP', step: 0 });
  });

  test('when fields were lost on the way', async () => {
    const recorder = await service();
    const client = rank(recorder);
    await client.hello();
    await client.uniform(DIMS);
    await client.send({ t: 'begin', step: 0, time: 0 });
    await client.field(0, 'u', VALUES);
    await client.send({ t: 'end', step: 0, fields: 2 });
    expect((await client.next('error')).message).toMatch(/announced 2 fields, 1 arrived/);
    expect(recorder.events.some(isAbandon(0))).toBe(true);
  });

  test('when a rank vanishes in the middle; the run goes on when it is back', async () => {
    const recorder = await service({ timeout: 2 });
    const [stays, dies] = [rank(recorder, 'gs', 0, 2), rank(recorder, 'gs', 1, 2)];
    for (const client of [stays, dies]) {
      await client.hello();
      await client.uniform(DIMS);
    }
    await stays.step(0, { u: VALUES });
    await dies.send({ t: 'begin', step: 0, time: 0 });
    await dies.field(0, 'u', VALUES);
    await dies.close();
    const event = await recorder.seen(isAbandon(0));
    expect(event).toMatchObject({ reason: expect.stringMatching(/rank 1 was silent/) as string });
    expect(await stays.next('error')).toMatchObject({ code: 'BAD_STEP', step: 0 });

    const back = rank(recorder, 'gs', 1, 2);
    await back.hello();
    await back.uniform(DIMS);
    await Promise.all([stays.step(1, { u: VALUES }), back.step(1, { u: VALUES })]);
    await recorder.seen(isStep(1));
  });

  test('but not while a silent rank pings', async () => {
    const recorder = await service({ timeout: 2 });
    const [fast, slow] = [rank(recorder, 'gs', 0, 2), rank(recorder, 'gs', 1, 2)];
    for (const client of [fast, slow]) {
      await client.hello();
      await client.uniform(DIMS);
    }
    await fast.step(0, { u: VALUES });
    for (let i = 0; i < 40; i++) {
      await slow.send({ t: 'ping' });
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    await slow.step(0, { u: VALUES });
    await recorder.seen(isStep(0));
    expect(recorder.events.some(isAbandon(0))).toBe(false);
  });
});

describe('a wrong message is answered and the connection goes on:', () => {
  const bytes = new Uint8Array(VALUES.buffer);
  const field = {
    t: 'field',
    step: 0,
    field: 'u',
    mesh: 'grid',
    block: 0,
    assoc: 'node',
    dtype: 'f32',
    shape: [64],
  };
  test.each<[string, object | Buffer, Uint8Array[], string]>([
    ['garbage', Buffer.from('not msgpack at all'), [], 'BAD_HEADER'],
    ['an empty header', Buffer.alloc(0), [], 'BAD_HEADER'],
    ['another dtype than the array has', { ...field, dtype: 'f64' }, [bytes], 'BAD_MESSAGE'],
    ['a dtype that does not exist', { ...field, dtype: 'f128' }, [bytes], 'BAD_DTYPE'],
    ['another shape than the mesh has', { ...field, shape: [63] }, [bytes.subarray(4)], 'BAD_SHAPE'],
    ['node values said to be cell values', { ...field, assoc: 'cell' }, [bytes], 'BAD_SHAPE'],
    ['a truncated array', field, [bytes.subarray(0, 100)], 'BAD_MESSAGE'],
    ['no array', field, [], 'BAD_MESSAGE'],
    ['two arrays', field, [bytes, bytes], 'BAD_MESSAGE'],
    ['more frames than any message has', field, Array.from({ length: 20 }, () => bytes), 'TOO_LARGE'],
    ['a wrong checksum', { ...field, crc: 1 }, [bytes], 'CHECKSUM'],
    ['an unknown mesh', { ...field, mesh: 'other' }, [bytes], 'UNKNOWN_MESH'],
    ['an unknown block', { ...field, block: 7 }, [bytes], 'UNKNOWN_MESH'],
    ['a step that is not open', { ...field, step: 1 }, [bytes], 'BAD_STEP'],
    ['a ping with a payload', { t: 'ping' }, [bytes], 'BAD_MESSAGE'],
    [
      'a mesh whose arrays are missing',
      { t: 'mesh', mesh: 'm', block: 0, kind: 'points', arrays: [] },
      [],
      'BAD_MESSAGE',
    ],
    ['a step that goes back', { t: 'begin', step: 0, time: 0 }, [], 'BAD_STEP'],
  ])('%s', async (_, header, frames, code) => {
    const recorder = await service();
    const client = rank(recorder);
    await client.hello();
    await client.uniform(DIMS);
    await client.send({ t: 'begin', step: 0, time: 0 });
    await client.send(header, ...frames);
    const error = await client.next('error');
    expect(error.code).toBe(code);
    expect(error.message.length).toBeGreaterThan(20);
    await client.field(0, 'v', VALUES);
    await client.send({ t: 'end', step: 0, fields: 1 });
    await recorder.seen(isStep(0));
    expect(fieldsOf(recorder.events)).toEqual(['0:v']);
    // Nothing of what was refused is held.
    recorder.releaseAll();
    await client.send({ t: 'ping' });
    await client.next('pong');
    expect((await rank(recorder).hello()).credit).toBe(1e6);
  });

  test('a frame above the limit ends that connection, not the service', async () => {
    const recorder = await service({ memory: 1e5 });
    const bad = rank(recorder, 'bad');
    const good = rank(recorder, 'good');
    await bad.hello();
    await good.hello();
    await bad.send({ ...field }, new Uint8Array(1e6));
    await good.uniform(DIMS);
    await good.step(0, { u: VALUES });
    expect(await recorder.seen(isStep(0))).toMatchObject({ time: 0 });
  });

  test('a hello with a wrong version, run or rank is refused', async () => {
    const recorder = await service();
    const client = rank(recorder, 'gs', 0, 2);
    await client.hello();
    const refused = async (more: object): Promise<string> => {
      const other = rank(recorder, 'gs', 1, 2);
      const error = await other.hello(more).then(
        () => 'welcome',
        (reason: unknown) => String(reason),
      );
      return /refused: (\w+)/.exec(error)?.[1] ?? error;
    };
    expect(await refused({ v: 9 })).toBe('VERSION');
    expect(await refused({ run: 'a/b' })).toBe('RUN');
    expect(await refused({ ranks: 3 })).toBe('RANK');
    expect(await refused({ rank: 5 })).toBe('RANK');
    expect(await refused({})).toBe('welcome');
  });
});

async function listen(address: string, allowRemote = false): Promise<string> {
  const { server } = await record({ listen: address, allowRemote });
  await server.close();
  return server.endpoint;
}

describe('the address', () => {
  test('must be of this machine unless remote clients are allowed', async () => {
    await expect(listen('tcp://0.0.0.0:0')).rejects.toThrow(
      /neither encrypted nor authenticated.*--allow-remote/,
    );
    await expect(listen('tcp://*:0')).rejects.toThrow(/--allow-remote/);
    await expect(listen('tcp://0.0.0.0:0', true)).resolves.toMatch(/^tcp:\/\/0\.0\.0\.0:\d+$/);
    await expect(listen('localhost:5555')).rejects.toThrow(/expected tcp:\/\/HOST:PORT/);
    await expect(listen('tcp://127.0.0.1:99999')).rejects.toThrow(/--listen/);
  });

  test('that is in use is named', async () => {
    const recorder = await service();
    const again = openIngest({
      listen: recorder.server.endpoint,
      memory: 1e6,
      log: (await import('pino')).default({ level: 'silent' }),
      host: { open: () => Promise.resolve([]), closed: () => Promise.resolve() },
    });
    await expect(again).rejects.toBeInstanceOf(GaussituError);
    await expect(again).rejects.toMatchObject({ code: 'ADDRESS_IN_USE' });
  });
});

import { execFileSync, spawnSync } from 'node:child_process';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import { createCodec } from '../../src/codec/index.js';
import type { EncodeProgress } from '../../src/codec/types.js';
import { request } from './helpers.js';

const codec = createCodec();
const threads = codec.threads();
afterEach(() => codec.setThreads(threads));
// First message of a worker that is wanted.
const first = (worker: Worker, wanted: (m: unknown) => boolean) =>
  new Promise((resolve, reject) => {
    worker.on('message', (m) => wanted(m) && resolve(m));
    worker.on('error', reject);
  });

const script = (last: string) => `
    import { createCodec } from './src/codec/index.ts';
    const data = new Uint8Array(new Float32Array(8000).map((_, i) => Math.sin(i * i)).buffer);
    const mesh = { kind: 'uniform', dims: [20, 20, 20], origin: [0, 0, 0], spacing: [1, 1, 1] };
    const codec = createCodec();
    const go = (iterations, onProgress) => codec.encode(
      { mesh, association: 'node', dtype: 'f32', data, target: { bytes: 1500 }, iterations, onProgress });
    ${last}`;

const sum = (bytes: Uint8Array) => codec.crc32(bytes);

describe('concurrency', () => {
  it('gives the same bytes with 1, 2 and 4 threads, and with several encodes at once', async () => {
    const expected = sum((await codec.encode(request())).payload);
    for (const count of [1, 2, 4]) {
      codec.setThreads(count);
      expect(codec.threads()).toBe(count);
      const results = await Promise.all([0, 1, 2].map(() => codec.encode(request())));
      expect(results.map((r) => sum(r.payload))).toEqual([expected, expected, expected]);
    }
  });

  it('leaves the event loop free', async () => {
    let ticks = 0;
    const timer = setInterval(() => ticks++, 5);
    await codec.encode(request({ iterations: 150 }));
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(3);
  });

  it('works in worker threads, also in one that is terminated in the middle', async () => {
    const source = `
      const { workerData, parentPort } = require('node:worker_threads');
      const addon = require(workerData.addon);
      const job = addon.encode(workerData.request, () => parentPort.postMessage('progress'));
      job.promise.then((r) => parentPort.postMessage(r.payload.byteLength));`;
    const data = request().data;
    const run = (iterations: number) =>
      new Worker(source, {
        eval: true,
        workerData: {
          addon: process.env['GAUSSITU_ADDON'] ?? `${process.cwd()}/build/native/addon/gaussitu.node`,
          request: {
            kind: 0,
            association: 0,
            dims: [28, 20, 12],
            origin: [0, 0, 0],
            spacing: [1, 1, 1],
            data,
            dtype: 'f32',
            components: 1,
            component: 0,
            bytes: 1500,
            optimiser: 0,
            iterations,
          },
        },
      });
    const whole = run(8);
    expect(await first(whole, (m) => typeof m === 'number')).toBeLessThanOrEqual(1500);
    const doomed = run(1_000_000);
    await first(doomed, (m) => m === 'progress');
    await doomed.terminate();
    // The pool is free again and nothing has crashed.
    expect((await codec.encode(request())).payload.byteLength).toBeLessThanOrEqual(1500);
  });
});

describe('progress', () => {
  it('counts up to the end and is not a flood', async () => {
    const seen: EncodeProgress[] = [];
    const result = await codec.encode(request({ iterations: 300, onProgress: (p) => seen.push(p) }));
    expect(seen.length).toBeGreaterThan(0);
    expect(seen.length).toBeLessThan(12 * result.trainSeconds + 20);
    for (let i = 1; i < seen.length; i++) {
      expect(seen[i]?.iteration).toBeGreaterThanOrEqual(seen[i - 1]?.iteration ?? 0);
    }
    expect(seen[0]?.gaussians).toBeGreaterThan(0);
  });

  it('always tells the last iteration of a training', async () => {
    for (const iterations of [3, 7, 11]) {
      const seen: EncodeProgress[] = [];
      await codec.encode(request({ iterations, target: { gaussians: 8 }, onProgress: (p) => seen.push(p) }));
      expect(seen.at(-1)).toMatchObject({ iteration: iterations, iterations });
    }
  });

  it('passes on what the callback throws, and stops', async () => {
    const failure = new Error('from the callback');
    await expect(
      codec.encode(
        request({
          iterations: 1_000_000,
          onProgress: () => {
            throw failure;
          },
        }),
      ),
    ).rejects.toBe(failure);
  });
});

describe('cancel', () => {
  it('stops a running encode', async () => {
    const abort = new AbortController();
    const encode = codec.encode(
      request({ iterations: 1_000_000, signal: abort.signal, onProgress: () => abort.abort() }),
    );
    await expect(encode).rejects.toMatchObject({ name: 'GaussituError', code: 'CANCELLED' });
    await expect(
      codec.encode(request({ signal: abort.signal })), // aborted before it begins
    ).rejects.toMatchObject({ name: 'GaussituError', code: 'CANCELLED' });
  });

  it('drops an encode that waits for a thread', async () => {
    codec.setThreads(1);
    const running = new AbortController();
    const busy = codec.encode(request({ iterations: 1_000_000, signal: running.signal }));
    const waiting = new AbortController();
    const queued = codec.encode(request({ iterations: 1_000_000, signal: waiting.signal }));
    waiting.abort();
    await expect(queued).rejects.toMatchObject({ code: 'CANCELLED' });
    running.abort();
    await expect(busy).rejects.toMatchObject({ code: 'CANCELLED' });
  });

  it('respects a time limit', async () => {
    const result = await codec.encode(request({ iterations: 1_000_000, seconds: 0.3 }));
    expect(result.iterations).toBeLessThan(1_000_000);
  });
});

describe('the end of the process', () => {
  const node = ['--import', 'tsx', '--input-type=module', '-e'];

  it('is clean with jobs running and queued', () => {
    const end = script(`
      for (let i = 0; i < 6; i++) void go(1e6, () => process.exit(7)).catch(() => {});`);
    const done = spawnSync(process.execPath, [...node, end], { encoding: 'utf8', timeout: 60_000 });
    expect(done.stderr).toBe('');
    expect(done.status).toBe(7);
    expect(done.signal).toBeNull();
  });

  it('waits for a job that nobody awaits', () => {
    const end = script(`void go(4).then((r) => console.log(r.payload.byteLength > 1000));`);
    expect(execFileSync(process.execPath, [...node, end], { encoding: 'utf8', timeout: 60_000 })).toBe(
      'true\n',
    );
  });
});

import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openArchive } from '../../src/archive/index.js';
import { createCodec } from '../../src/codec/index.js';
import { BlockDecoder } from '../../src/export/index.js';
import { temporaryFolder } from '../archive/helpers.js';
import { TestRank } from '../support/client.js';
import { ServiceProcess } from '../support/service.js';

const DIMS = [26, 20, 12] as const;
const COUNT = DIMS[0] * DIMS[1] * DIMS[2];
const STEPS = 5;
const FILL = -999;

/** `a` with fine structure; `b` is a function of it; `c` has a place without values. */
function fieldsAt(step: number): Record<'a' | 'b' | 'c', Float32Array> {
  const a = Float32Array.from(
    { length: COUNT },
    (_, i) =>
      Math.sin((i % 26) / 3 + step / 9) + 0.3 * Math.sin(i * 12.9898 + Math.floor(i / 26) * 78.233 + step),
  );
  const b = a.map((x) => 0.4 * x + 0.0005 * Math.cos(40 * x));
  const c = a.map((_, i) => (i % 26 < 5 ? FILL : Math.cos(i / 90 + step / 20)));
  return { a, b, c };
}

/** Serves the steps with these options; payloads, references and decoded arrays of what was stored. */
async function serve(run: string, ...options: string[]) {
  const { service, endpoint } = await ServiceProcess.listen(['--out', run, '--once', ...options]);
  const rank = new TestRank(endpoint, 'bounded');
  await rank.hello({ targets: { '*': { rel: 1e-3 } } });
  await rank.uniform(DIMS);
  for (let step = 0; step < STEPS; step++) {
    const { a, b, c } = fieldsAt(step);
    await rank.send({ t: 'begin', step, time: step });
    await rank.field(step, 'b', b);
    await rank.field(step, 'a', a);
    await rank.field(step, 'c', c, { target: { abs: 0.002 }, fill: FILL });
    await rank.send({ t: 'end', step, fields: 3 });
    await rank.ack(step);
  }
  await rank.send({ t: 'bye' });
  const code = await service.exited;
  if (code !== 0) throw new Error(`exit code ${code}: ${service.stderr}`);
  await rank.close();

  const archive = await openArchive(run);
  const decoder = new BlockDecoder(archive, createCodec());
  const stored = [];
  // Backwards, so that every step is decoded from its keyframe on.
  for (let step = STEPS - 1; step >= 0; step--) {
    for (const entry of (await archive.readStep(step)).fields) {
      const mesh = await archive.readMesh(entry.mesh, entry.block, step);
      const bytes = await decoder.decode(step, entry, mesh);
      stored.push({ step, entry, values: new Float32Array(bytes.buffer, bytes.byteOffset, COUNT) });
    }
  }
  return stored;
}

test('a simulation asks for strict bounds per field; siblings and history are recorded; threads change nothing', async () => {
  const folder = await temporaryFolder();
  const stored = await serve(join(folder, 'two'), '--keyframe', '4', '--threads', '2');
  for (const { step, entry, values } of stored) {
    const original = fieldsAt(step)[entry.name as 'a'];
    const bound = entry.name === 'c' ? 0.002 : 1e-3 * (Math.max(...original) - Math.min(...original));
    const errors = original.map((x, i) => Math.abs(x - values[i]!));
    expect(Math.max(...errors)).toBeLessThanOrEqual(bound);
    expect(original.every((x, i) => (x === FILL) === (values[i] === FILL))).toBe(true);
    expect(entry).toMatchObject({ kind: 'bounded', certificate: { maxError: expect.any(Number) as number } });
  }
  const of = (step: number, name: string) =>
    stored.find((s) => s.step === step && s.entry.name === name)!.entry.references;
  expect(of(0, 'b')).toEqual({ earlier: [], siblings: ['a'] });
  expect(of(3, 'b')).toEqual({ earlier: [2, 1], siblings: ['a'] });
  expect(of(4, 'b')).toEqual({ earlier: [], siblings: ['a'] }); // a keyframe
  expect(of(4, 'a')).toBeUndefined();

  const again = await serve(join(folder, 'one'), '--keyframe', '4', '--threads', '1');
  const payloads = (run: typeof stored) => run.map(({ entry }) => Buffer.from(entry.payload).toString('hex'));
  expect(payloads(again)).toEqual(payloads(stored));
});

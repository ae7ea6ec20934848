// Figure 6: peak memory of the service when the simulation is four times faster than training.
import { setTimeout as sleep } from 'node:timers/promises';
import { join } from 'node:path';
import type { Mesh } from '../src/protocol/mesh.js';
import { bytesOf, dataFolder, openCase, readField, uniformMesh } from './lib/data.js';
import { Producer } from './lib/producer.js';
import { scratch, startService } from './lib/programs.js';
import { fixed, heading, machine, note, quick, table } from './lib/report.js';

const FIELDS = ['u', 'p', 'scalar'];
const STEPS = quick ? 8 : 24;
const MEMORY = 48e6;
const FASTER = 4;

interface Outcome {
  peak: number;
  seconds: number;
  waited: number;
}

const mega = (bytes: number) => fixed(bytes / 1e6, 0);

const folder = dataFolder();

/** Runs a service under one producer; `interval` seconds between steps, or undefined: wait for each acknowledgement. */
async function run(name: string, interval: number | undefined): Promise<Outcome> {
  const from = openCase(folder!, 'dns_decay');
  const out = scratch(`memory-${name}`);
  const service = await startService(join(out, 'run'), '--memory', String(MEMORY), '--ratio', '100');
  const mesh = uniformMesh(from) as Mesh & { kind: 'uniform' };
  const producer = await Producer.open(service.endpoint, name, mesh);
  const loaded = [0, 1, 2, 3].map((step) =>
    Object.fromEntries(FIELDS.map((field) => [field, bytesOf(readField(from, field, step))])),
  );
  const began = performance.now();
  for (let step = 0; step < STEPS; step++) {
    // There and back over the four steps of the data, so that neighbours are always similar.
    const data = loaded[[0, 1, 2, 3, 2, 1][step % 6]!]!;
    await producer.push(step, from.dims!, data);
    if (interval === undefined) await producer.acknowledged(step);
    else await sleep(interval * 1000);
  }
  await producer.acknowledged(STEPS - 1);
  const seconds = (performance.now() - began) / 1000;
  await producer.close();
  const peak = service.peak();
  await service.stop();
  return { peak, seconds, waited: producer.waited };
}

if (folder) {
  heading(`6. Peak memory of the service under a simulation ${FASTER} times faster than it trains`);
  machine();
  const paced = await run('paced', undefined);
  const interval = paced.seconds / STEPS / FASTER;
  const fast = await run('fast', interval);
  const raw = STEPS * FIELDS.length * readField(openCase(folder, 'dns_decay'), 'u', 0).byteLength;
  table(
    ['producer', 'a step every', 'raw MB pushed', 'peak RSS MB', 'longest wait for credit s', 'total s'],
    [
      [
        'waits for each step',
        `${fixed(paced.seconds / STEPS, 2)} s`,
        mega(raw),
        mega(paced.peak),
        fixed(paced.waited),
        fixed(paced.seconds, 1),
      ],
      [
        `${FASTER}x faster`,
        `${fixed(interval, 2)} s`,
        mega(raw),
        mega(fast.peak),
        fixed(fast.waited),
        fixed(fast.seconds, 1),
      ],
    ],
  );
  note(
    `Bound: raw arrays held at once are at most --memory (${mega(MEMORY)} MB) plus one message ` +
      `(${mega(raw / STEPS / FIELDS.length)} MB). The fast producer's service took ${mega(fast.peak - paced.peak)} MB more than ` +
      `the paced one's; without flow control it would hold up to ${mega(raw * (1 - 1 / FASTER))} MB.`,
  );
}

// Figure 6: peak memory of the service when the simulation is four times faster than training.
import { setTimeout as sleep } from 'node:timers/promises';
import { join } from 'node:path';
import { bytesOf, dataFolder, openCase, readField } from './lib/data.js';
import { Producer } from './lib/producer.js';
import { scratch, startService } from './lib/programs.js';
import { fixed, heading, machine, note, quick, table } from './lib/report.js';

const FIELDS = ['u', 'p', 'scalar'];
const STEPS = quick ? 8 : 16;
/** Nodes per axis of the cube cut out of the data: small fields, so that there are many steps in a short time. */
const EDGE = 64;
const DIMS = [EDGE, EDGE, EDGE] as const;
const MEMORY = 6e6;
const FASTER = 4;

interface Outcome {
  peak: number;
  seconds: number;
  waited: number;
}

const mega = (bytes: number) => fixed(bytes / 1e6, 0);

const folder = dataFolder();

/** The first cube of a field of dns_decay. */
function cube(field: string, step: number): Uint8Array {
  const from = openCase(folder!, 'dns_decay');
  const [nx, ny] = from.dims!;
  const all = readField(from, field, step);
  const out = new Float32Array(EDGE ** 3);
  for (let row = 0; row < EDGE ** 2; row++) {
    const start = nx * ((row % EDGE) + ny * Math.floor(row / EDGE));
    out.set(all.subarray(start, start + EDGE), row * EDGE);
  }
  return bytesOf(out);
}

/** Runs a service under one producer; `interval` seconds between steps, or undefined: wait for each acknowledgement. */
async function run(name: string, interval: number | undefined): Promise<Outcome> {
  const out = scratch(`memory-${name}`);
  const service = await startService(join(out, 'run'), '--memory', String(MEMORY), '--ratio', '100');
  const mesh = { kind: 'uniform', dims: DIMS, origin: [0, 0, 0], spacing: [1, 1, 1] } as const;
  const producer = await Producer.open(service.endpoint, name, mesh);
  const loaded = [0, 1, 2, 3].map((step) =>
    Object.fromEntries(FIELDS.map((field) => [field, cube(field, step)])),
  );
  const began = performance.now();
  for (let step = 0; step < STEPS; step++) {
    // There and back over the four steps of the data, so that neighbours are always similar.
    const data = loaded[[0, 1, 2, 3, 2, 1][step % 6]!]!;
    await producer.push(step, DIMS, data);
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
  const raw = STEPS * FIELDS.length * 4 * EDGE ** 3;
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
    `Fields u, p, scalar of ${DIMS.join('×')} f32. Bound: raw arrays held at once are at most --memory (${mega(MEMORY)} MB) plus one message ` +
      `(${mega(raw / STEPS / FIELDS.length)} MB). The fast producer's service took ${mega(fast.peak - paced.peak)} MB more than ` +
      `the paced one's; without flow control it would hold up to ${mega(raw * (1 - 1 / FASTER))} MB.`,
  );
}

// Figure 2: how much of a cold start's training a warm start needs.
import { createCodec } from '../src/codec/index.js';
import type { EncodeRequest, EncodeResult } from '../src/codec/types.js';
import type { Mesh } from '../src/protocol/mesh.js';
import { bytesOf, dataFolder, openCase, pointMesh, readField, uniformMesh, type Case } from './lib/data.js';
import { fixed, heading, keep, machine, note, quick, table } from './lib/report.js';

const WITHIN = 0.5; // dB
const WARM = [2, 4, 8, 12, 16, 20, 26, 50];
const COLD = quick ? 100 : 400;

interface Chain {
  from: Case;
  field: string;
  mesh: Mesh;
  gaussians: number;
  steps: number;
}

const codec = createCodec();

function encode(chain: Chain, step: number, more: Partial<EncodeRequest>): Promise<EncodeResult> {
  return codec.encode({
    mesh: chain.mesh,
    association: 'node',
    dtype: 'f32',
    data: bytesOf(readField(chain.from, chain.field, step)),
    target: { gaussians: chain.gaussians },
    ...more,
  });
}

/** The first warm start whose decoded payload, no larger than the cold one's, reaches `goal`. */
async function fewest(chain: Chain, step: number, cold: EncodeResult, previous: Uint8Array): Promise<string> {
  for (const iterations of WARM) {
    const target = { bytes: cold.payload.byteLength };
    const warm = await encode(chain, step, { iterations, previous, target });
    if (warm.metrics.psnr >= cold.metrics.psnr - WITHIN)
      return `${warm.iterations} (1/${fixed(cold.iterations / warm.iterations, 0)}), ${fixed(warm.trainSeconds)} s`;
  }
  return `> ${WARM.at(-1)}`;
}

const describe = (cold: EncodeResult) =>
  `${fixed(cold.metrics.psnr)} dB, ${cold.payload.byteLength} B, ${fixed(cold.trainSeconds, 1)} s`;

async function measure(chain: Chain): Promise<string[][]> {
  const rows: string[][] = [];
  let previous = (await encode(chain, 0, { optimiser: 'adam', iterations: COLD })).payload;
  for (let step = 1; step < chain.steps; step++) {
    const adam = await encode(chain, step, { optimiser: 'adam', iterations: COLD });
    // The second-order reference costs twice as much: at the end of the chain, where it has drifted furthest.
    const second = step === chain.steps - 1 ? await encode(chain, step, { iterations: COLD }) : undefined;
    const toAdam = await fewest(chain, step, adam, previous);
    const toSecond = second && (await fewest(chain, step, second, previous));
    // The chain goes on as the service's does: from what was stored.
    const target = { bytes: adam.payload.byteLength };
    const stored = await encode(chain, step, { previous, target });
    previous = stored.payload;
    keep(rows, [
      `${chain.from.name} ${chain.field}`,
      String(step),
      describe(adam),
      toAdam,
      second ? describe(second) : '–',
      toSecond ?? '–',
      `${fixed(stored.metrics.psnr)} dB, ${stored.start}, ${stored.iterations}`,
    ]);
  }
  return rows;
}

const folder = dataFolder();
if (folder) {
  heading(
    `2. Warm start: iterations to come within ${WITHIN} dB of a cold start of ${COLD}, at no more bytes`,
  );
  machine(codec.instructionSet());
  const dns = openCase(folder, 'dns_decay');
  const channel = openCase(folder, 'openfoam_channel395');
  const chains: Chain[] = [
    { from: dns, field: 'u', mesh: uniformMesh(dns), gaussians: 3900, steps: quick ? 2 : 4 },
    {
      from: channel,
      field: 'Ux',
      mesh: pointMesh(channel, 'cell_centres.f32'),
      gaussians: 2000,
      steps: quick ? 3 : 12,
    },
  ];
  // `bench/warm.ts openfoam_channel395`: that case alone.
  const named = chains.filter((chain) => process.argv.includes(chain.from.name));
  const rows: string[][] = [];
  for (const chain of named.length > 0 ? named : chains) rows.push(...(await measure(chain)));
  table(
    [
      'field',
      'step',
      `cold Adam, ${COLD} iterations`,
      'warm, iterations to within 0.5 dB of it',
      `cold second order, ${COLD} iterations`,
      'warm, iterations to within 0.5 dB of it',
      'stored by the chain',
    ],
    rows,
  );
  note(
    'PSNR is that of the decoded payload. Warm starts are second-order, from the payload that the chain stored for the step ' +
      "before, and get as many bytes as the cold start's payload has; in brackets their iterations as a part of the cold start's, " +
      `then their training seconds. Counts tried: ${WARM.join(' ')}. Step 0 of each chain is the cold Adam start; each further ` +
      'step is stored with the settings of the service (last column: iterations too).',
  );
}

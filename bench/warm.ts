// Figure 2: how much of a cold start's training a warm start needs.
import { createCodec } from '../src/codec/index.js';
import type { EncodeRequest, EncodeResult } from '../src/codec/types.js';
import type { Association } from '../src/protocol/field.js';
import type { Mesh } from '../src/protocol/mesh.js';
import { bytesOf, dataFolder, openCase, pointMesh, readField, uniformMesh, type Case } from './lib/data.js';
import { fixed, heading, keep, machine, note, quick, table } from './lib/report.js';

const WITHIN = 0.5; // dB
const WARM = [1, 2, 3, 4, 6, 8, 12, 16, 20, 24, 26, 32, 40, 50];
const COLD_LM = [10, 15, 20, 30, 40, 60, 80, 120];
const REFERENCE = quick ? 100 : 400;
const LONG_LM = quick ? 60 : 200;

interface Chain {
  from: Case;
  field: string;
  mesh: Mesh;
  association: Association;
  gaussians: number;
  steps: number[];
}

const codec = createCodec();

function encode(chain: Chain, step: number, more: Partial<EncodeRequest>): Promise<EncodeResult> {
  return codec.encode({
    mesh: chain.mesh,
    association: chain.association,
    dtype: 'f32',
    data: bytesOf(readField(chain.from, chain.field, step)),
    target: { gaussians: chain.gaussians },
    ...more,
  });
}

const steps = (count: number) => Array.from({ length: count }, (_, i) => i);

/** The first number of iterations whose decoded payload reaches `goal`; undefined when none of them does. */
async function fewest(
  counts: number[],
  goal: number,
  run: (iterations: number) => Promise<EncodeResult>,
): Promise<EncodeResult | undefined> {
  for (const iterations of counts) {
    const result = await run(iterations);
    if (result.metrics.psnr >= goal) return result;
  }
  return undefined;
}

async function measure(chain: Chain): Promise<string[][]> {
  const rows: string[][] = [];
  let previous = (await encode(chain, chain.steps[0]!, { iterations: LONG_LM })).payload;
  for (const step of chain.steps.slice(1)) {
    const adam = await encode(chain, step, { optimiser: 'adam', iterations: REFERENCE });
    const long = await encode(chain, step, { iterations: LONG_LM });
    const warm = (goal: number) =>
      fewest(WARM, goal, (iterations) => encode(chain, step, { iterations, previous }));
    const toAdam = await warm(adam.metrics.psnr - WITHIN);
    const toLong = await warm(long.metrics.psnr - WITHIN);
    const cold = await fewest(COLD_LM, long.metrics.psnr - WITHIN, (iterations) =>
      encode(chain, step, { iterations }),
    );
    const reach = (result: EncodeResult | undefined, of: EncodeResult | undefined) =>
      result && of
        ? `${result.iterations} (1/${fixed(of.iterations / result.iterations, 0)}), ${fixed(result.trainSeconds, 2)} s`
        : `> ${WARM.at(-1)}`;
    keep(rows, [
      `${chain.from.name} ${chain.field}`,
      String(step),
      `${fixed(adam.metrics.psnr)} in ${fixed(adam.trainSeconds, 1)} s`,
      reach(toAdam, adam),
      `${fixed(long.metrics.psnr)} in ${fixed(long.trainSeconds, 1)} s`,
      cold ? `${cold.iterations}, ${fixed(cold.trainSeconds, 1)} s` : `> ${COLD_LM.at(-1)}`,
      reach(toLong, cold),
    ]);
    // The chain goes on as the service's does: from what was stored.
    previous = (await encode(chain, step, { previous })).payload;
  }
  return rows;
}

const folder = dataFolder();
if (folder) {
  heading(`2. Warm start: iterations to come within ${WITHIN} dB of a cold start`);
  machine(codec.instructionSet());
  const dns = openCase(folder, 'dns_decay');
  const channel = openCase(folder, 'openfoam_channel395');
  const rows = [
    ...(await measure({
      from: dns,
      field: 'u',
      mesh: uniformMesh(dns),
      association: 'node',
      gaussians: 3900,
      steps: steps(quick ? 2 : 4),
    })),
    ...(await measure({
      from: channel,
      field: 'Ux',
      mesh: pointMesh(channel, 'cell_centres.f32'),
      association: 'node',
      gaussians: 2000,
      steps: steps(quick ? 3 : 12),
    })),
  ];
  table(
    [
      'field',
      'step',
      `cold Adam, ${REFERENCE} iterations: dB`,
      'warm to within 0.5 dB of it',
      `cold second order, ${LONG_LM} iterations: dB`,
      'cold to within 0.5 dB of it',
      'warm to within 0.5 dB of it',
    ],
    rows,
  );
  note(
    'Iterations (as a fraction of those of the cold start beside it) and training seconds. The number of Gaussians is the ' +
      'same everywhere; PSNR is that of the decoded payload. Warm starts are second-order, from the payload stored for the ' +
      `step before. Iteration counts tried: warm ${WARM.join(' ')}; cold ${COLD_LM.join(' ')}.`,
  );
}

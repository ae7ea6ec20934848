// Figure 5: what coupling costs a simulation, beside writing its raw arrays, in one run.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { folderBytes, scratch, startService } from './lib/programs.js';
import { fixed, heading, machine, note, quick, table } from './lib/report.js';

const PROGRAM = 'build/examples/gray-scott/gray-scott';
const GRID = quick ? 48 : 96;
const STEPS = quick ? 5 : 8;
/** Solver steps between two outputs. */
const EVERY = quick ? 40 : 100;
const RATIO = '100';
/** Training time of a step; with it a step is stored about as fast as it is computed. */
const SECONDS = '2';

interface Cost {
  solve: number;
  output: number;
  longest: number;
  end: number;
  summary: string;
}

async function simulate(output: string, options: string[], policy = 'block'): Promise<Cost> {
  const size = ['--grid', String(GRID), '--steps', String(STEPS), '--every', String(EVERY), '--start', '200'];
  const { stdout } = await promisify(execFile)(PROGRAM, [...size, '--output', output, ...options], {
    env: { ...process.env, GAUSSITU_POLICY: policy },
  });
  const mean = /solve ([\d.]+) s, output ([\d.]+) s; end ([\d.]+) s\s*(.*)/.exec(stdout);
  if (!mean) throw new Error(`${PROGRAM} printed no mean:\n${stdout}`);
  const outputs = [...stdout.matchAll(/^step .* output ([\d.]+) s$/gm)].map((match) => Number(match[1]));
  return {
    solve: Number(mean[1]),
    output: Number(mean[2]),
    longest: Math.max(...outputs),
    end: Number(mean[3]),
    summary: mean[4] ?? '',
  };
}

async function coupled(policy: string): Promise<{ cost: Cost; bytes: number }> {
  const run = join(scratch(`coupling-${policy}`), 'run');
  const service = await startService(run, '--ratio', RATIO, '--seconds-per-step', SECONDS, '--threads', '1');
  const cost = await simulate('gaussitu', ['--endpoint', service.endpoint, '--run', policy], policy);
  await service.stop();
  return { cost, bytes: folderBytes(run) };
}

heading('5. What coupling costs the simulation');
if (!existsSync(PROGRAM)) {
  note(`_Skipped: ${PROGRAM} is not built (make native)._`);
} else {
  machine();
  const raw = 2 * 4 * GRID ** 3;
  const rows: string[][] = [];
  const add = (name: string, cost: Cost, bytes: number | undefined, baseline: number) =>
    rows.push([
      name,
      fixed(cost.solve, 3),
      fixed(cost.output * 1000, 1),
      fixed(cost.longest * 1000, 1),
      `${fixed((100 * (cost.solve + cost.output)) / baseline - 100, 1)} %`,
      fixed(cost.end, 1),
      bytes === undefined ? '–' : fixed(bytes / 1e6, 2),
      cost.summary,
    ]);
  const alone = await simulate('none', []);
  const baseline = alone.solve + alone.output;
  add('no output', alone, undefined, baseline);
  const out = scratch('coupling-hdf5');
  add('raw HDF5 to local disk', await simulate('hdf5', ['--out', out]), folderBytes(out), baseline);
  for (const policy of ['block', 'drop']) {
    const { cost, bytes } = await coupled(policy);
    add(`gaussitu, policy ${policy}`, cost, bytes, baseline);
  }
  table(
    ['output', 'solve s', 'output ms', 'longest ms', 'step time', 'end s', 'MB on disk', 'client says'],
    rows,
  );
  note(
    `Gray–Scott ${GRID}³, f32, ${EVERY} solver steps (solve) between outputs of ${fixed(raw / 1e6, 1)} MB, ${STEPS} outputs, one ` +
      `rank; the service trains with one thread, ${SECONDS} s per step, on the same machine, so solve includes what the two take from each other. Step ` +
      'time is that of an output interval against no output; end is the wait until everything is durable.',
  );
}

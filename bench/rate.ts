/** Rate control: quality of whole runs at a given ratio, stored as models, as residuals and as `--coder auto` chooses. */
import { join } from 'node:path';
import type { Inspection } from '../src/archive/inspect.js';
import { dataFolder } from './lib/data.js';
import { folderBytes, gaussitu, scratch } from './lib/programs.js';
import { createCodec } from '../src/codec/index.js';
import { fixed, heading, keep, machine, note, quick, table } from './lib/report.js';

const CODERS = ['gaussian', 'residual', 'auto'] as const;
const RUNS = [
  { name: 'dns_decay', fields: ['u', 'p', 'scalar'] },
  { name: 'gray_scott', fields: ['u', 'v'] },
  { name: 'openfoam_channel395', fields: ['Ux', 'Uy', 'Uz', 'p', 'nut'] },
];

interface Outcome {
  ratio: number;
  seconds: number;
  fields: { name: string; mean: number; least: number; models: number; steps: number }[];
}

/** The value of --NAME=VALUE. */
function option(name: string): string | undefined {
  return process.argv.find((a) => a.startsWith(`--${name}=`))?.slice(name.length + 3);
}

/** dB of the mean square error of a field over the steps. */
function meanPsnr(values: number[]): number {
  return -10 * Math.log10(values.reduce((sum, v) => sum + 10 ** (-v / 10), 0) / values.length);
}

function replay(input: string, out: string, fields: string[], ratio: number, coder: string): Outcome {
  const began = performance.now();
  gaussitu(
    'replay',
    input,
    '--out',
    out,
    '--fields',
    fields.join(','),
    '--ratio',
    String(ratio),
    '--coder',
    coder,
  );
  const seconds = (performance.now() - began) / 1000;
  const { steps, totals } = JSON.parse(gaussitu('inspect', out, '--json')) as Inspection;
  const mesh = totals.meshBytes;
  return {
    ratio: totals.rawBytes / (folderBytes(out) - mesh),
    seconds,
    fields: fields.map((name) => {
      const own = steps.map((s) => s.fields.find((f) => f.name === name)!);
      const psnr = own.map((f) => f.psnr ?? Infinity);
      return {
        name,
        mean: meanPsnr(psnr),
        least: Math.min(...psnr),
        models: own.filter((f) => f.kind === 'gaussian').length,
        steps: own.length,
      };
    }),
  };
}

const folder = dataFolder();
if (folder) {
  heading('Rate control: PSNR over whole runs at a ratio, every byte on disk but the mesh counted');
  machine(createCodec().instructionSet());
  const only = option('only')?.split(',');
  const ratios = option('ratios')?.split(',').map(Number) ?? (quick ? [100] : [20, 50, 100, 200]);
  const out = scratch('rate');
  const rows: string[][] = [];
  let worst = Infinity;
  const wanted = option('fields')?.split(',');
  for (const { name, fields: all } of RUNS.filter((run) => !only || only.includes(run.name))) {
    const fields = all.filter((field) => !wanted || wanted.includes(field));
    for (const ratio of ratios) {
      const outcomes = CODERS.map((coder) =>
        replay(join(folder, name), join(out, `${name}-${ratio}-${coder}`), fields, ratio, coder),
      );
      const [gaussian, residual, auto] = outcomes as [Outcome, Outcome, Outcome];
      for (const [i, field] of fields.entries()) {
        const of = (outcome: Outcome) => outcome.fields[i]!;
        const margin = of(auto).mean - Math.max(of(gaussian).mean, of(residual).mean);
        worst = Math.min(worst, margin);
        keep(rows, [
          `${name} ${field}`,
          String(ratio),
          ...outcomes.map((o) => fixed(of(o).mean)),
          fixed(margin),
          fixed(of(auto).least),
          `${of(auto).models} of ${of(auto).steps}`,
          outcomes.map((o) => fixed(o.ratio, 1)).join(' / '),
          outcomes.map((o) => fixed(o.seconds, 0)).join(' / '),
        ]);
      }
    }
  }
  table(
    [
      'field',
      'asked',
      'models, dB',
      'residuals, dB',
      'auto, dB',
      'auto over the better',
      'least step of auto',
      'models in auto',
      'ratio of the run',
      'seconds of the run',
    ],
    rows,
  );
  note(
    'dB of the mean square error over the steps. Ratios and seconds are those of all fields of the run together, in the ' +
      `order of the columns before. Least margin of auto over the better of the two: ${fixed(worst)} dB.`,
  );
}

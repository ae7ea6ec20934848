import { Command } from 'commander';
import { inspectRun, type InspectedField, type Inspection } from '../archive/inspect.js';
import { openArchive } from '../archive/index.js';
import { formatBytes, table } from './table.js';

export const inspectCommand = new Command('inspect')
  .description('What a run holds: per step and field bytes, ratio, errors and how it was trained.')
  .argument('<run>', 'run folder; may still be growing')
  .option('--json', 'print it as one JSON object')
  .addHelpText(
    'after',
    `
Errors are those of the decoded data against the original, measured before the step was committed. Stored bytes of a field
are its payload and its share of everything else but meshes; blocks of a decomposed field are one row. PSNR is over the
range of the field's values; 'exact' means that every bit is kept. In JSON, psnr is null for exact.
'model' is the part of the stored bytes that is a Gaussian model: '-' where a bounded field is too small for one.
Of fields with a strict bound: the bound as it was asked for, and the largest error in the same measure (abs: field units,
rel: of the range of the block's values at the step, pw-rel: of the value itself); max-error is in field units.
'device' (always in JSON) is shown when a model was trained elsewhere than on the CPU.
'array + mesh' compares against storing the arrays and the mesh once; meshes are counted on both sides.

Examples:
  gaussitu inspect run
  gaussitu inspect run --json | jq '.steps[].fields[] | {name, ratio, psnr}'`,
  )
  .action(async (run: string, { json }: { json?: boolean }) => {
    const inspection = await inspectRun(await openArchive(run));
    process.stdout.write(json ? `${JSON.stringify(inspection)}\n` : human(inspection));
  });

function human({ run, steps, totals }: Inspection): string {
  const bounded = steps.some((s) => s.fields.some((f) => f.bound));
  const cards = steps.some((s) => s.fields.some((f) => f.device !== null && f.device !== 'cpu'));
  const rows = steps.flatMap((s) =>
    s.fields.map((f) => [
      String(s.step),
      s.time.toPrecision(6).replace(/\.?0+$/, ''),
      f.name,
      f.kind,
      formatBytes(f.rawBytes),
      formatBytes(f.storedBytes),
      f.modelBytes > 0 ? formatBytes(f.modelBytes) : '-',
      `${f.ratio.toFixed(1)}:1`,
      f.psnr === null ? 'exact' : `${f.psnr.toFixed(2)} dB`,
      f.maxError.toExponential(2),
      ...(bounded ? boundCells(f) : []),
      f.iterations > 0 ? String(f.iterations) : '-',
      f.iterations > 0 ? `${f.trainSeconds.toFixed(2)} s` : '-',
      f.iterations > 0 ? f.start : '-',
      ...(cards ? [f.device ?? '-'] : []),
    ]),
  );
  const head = [
    ...'step time field kind raw stored model ratio PSNR max-error'.split(' '),
    ...(bounded ? ['bound', 'reached'] : []),
    ...'iterations training start'.split(' '),
    ...(cards ? ['device'] : []),
  ];
  const lines = [
    `run ${run}: ${steps.length} steps, ${totals.finished ? 'finished' : 'not finished'}`,
    ...totals.dropped.map((d) => `step ${d.step} was dropped: ${d.reason}`),
    '',
    table(head, rows, { left: [2, 3, head.indexOf('start'), head.length - 1] }),
    '',
    `fields ${formatBytes(totals.rawBytes)} in ${formatBytes(totals.storedBytes)}: ${totals.ratio.toFixed(1)}:1`,
  ];
  if (totals.meshRawBytes > 0) {
    lines.push(
      `mesh   ${formatBytes(totals.meshRawBytes)} in ${formatBytes(totals.meshBytes)}; array + mesh: ${totals.ratioWithMesh.toFixed(1)}:1`,
    );
  }
  return `${lines.join('\n')}\n`;
}

function boundCells({ target, bound }: InspectedField): [string, string] {
  if (!target || !bound) return ['-', '-'];
  const measure = 'pwRel' in target ? 'pw-rel' : 'rel' in target ? 'rel' : 'abs';
  return [`${measure} ${bound.asked.toExponential()}`, bound.reached.toExponential(2)];
}

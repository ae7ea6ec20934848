import { Command } from 'commander';
import { openArchive } from '../archive/index.js';
import { createCodec } from '../codec/index.js';
import { GaussituError } from '../errors.js';
import { openInput } from '../replay/index.js';
import { verifyRun, type Verification } from '../verify/index.js';
import { table } from './table.js';

export const verifyCommand = new Command('verify')
  .description('Decode everything in a run and hold it against the original and against its certificates.')
  .argument('<run>', 'run folder')
  .requiredOption('--against <input>', 'the original: what replay can read (docs/data.md)')
  .option('--json', 'print one JSON object')
  .addHelpText(
    'after',
    `
For every stored field: the file and payload checksums, the checksum of the decoded array, RMS and largest error against
what was certified, and bit equality where it was promised. Exit code 3 when anything is off; every finding names its file.

Examples:
  gaussitu verify run --against data/dns_decay
  gaussitu verify run --against flow.vtkhdf --json`,
  )
  .action(async (run: string, { against, json }: { against: string; json?: boolean }) => {
    const archive = await openArchive(run);
    const input = await openInput(against);
    try {
      const result = await verifyRun(archive, input, createCodec(), progress);
      process.stdout.write(json ? `${JSON.stringify(result, finite)}\n` : human(result));
      if (!result.ok) {
        throw new GaussituError('VERIFY_FAILED', `${run}: ${result.problems.length} findings`, {
          hint: `in ${[...new Set(result.problems.map((p) => p.file))].join(', ')}`,
        });
      }
    } finally {
      input.close();
    }
  });

function progress(step: number, done: number, total: number): void {
  if (process.stderr.isTTY) process.stderr.write(`\rverifying step ${step} (${done + 1} of ${total})\x1b[K`);
  if (process.stderr.isTTY && done + 1 === total) process.stderr.write('\r\x1b[K');
}

function human(result: Verification): string {
  const rows = result.fields.map((f) => [
    String(f.step),
    f.name,
    Number.isFinite(f.psnr) ? `${f.psnr.toFixed(2)} dB` : 'exact',
    f.rmse.toExponential(3),
    f.maxError.toExponential(3),
  ]);
  const findings = result.problems.map(
    (p) =>
      `${p.file}: ${p.field === undefined ? '' : `${p.field}${p.block ? ` block ${p.block}` : ''}: `}${p.message}`,
  );
  return [
    table(['step', 'field', 'PSNR', 'rms-error', 'max-error'], rows, { left: [1] }),
    ...findings,
    result.ok ? `${result.steps} steps agree with ${result.input} and with their certificates.\n` : '',
  ].join('\n');
}

function finite(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isFinite(value) ? null : value;
}

import { Command, Option } from 'commander';
import { openArchive } from '../archive/index.js';
import { createCodec } from '../codec/index.js';
import { exportBp } from '../export/bp.js';
import { selectSteps } from '../replay/select.js';

interface ExportOptions {
  format: 'bp';
  output: string;
  fields?: string;
  steps?: string;
}

export const exportCommand = new Command('export')
  .description('Write decoded steps of a run into one file for other readers.')
  .argument('<run>', 'run folder')
  .addOption(new Option('--format <name>', 'bp: BP5 of ADIOS2').choices(['bp']).makeOptionMandatory())
  .requiredOption('-o, --output <file>', 'file to write')
  .option('--fields <a,b>', 'only these fields')
  .option('--steps <slice>', 'only these steps, e.g. 0:10, 3:, -1: (half-open, like Python)')
  .addHelpText(
    'after',
    `
bp needs the program gaussitu-bp, which is built with adapters/adios2: on the PATH, or named in GAUSSITU_BP.

Example:
  gaussitu export run --format bp -o run.bp && bpls run.bp`,
  )
  .action(async (run: string, options: ExportOptions) => {
    const archive = await openArchive(run);
    const steps = selectSteps(await archive.steps(), options.steps);
    await exportBp(archive, createCodec(), options.output, {
      steps,
      ...(options.fields !== undefined && { fields: options.fields.split(',') }),
      onStep: (step) => process.stderr.write(`step ${step}\n`),
    });
    process.stderr.write(`${options.output}: ${steps.length} steps\n`);
  });

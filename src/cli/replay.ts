import { Command, Option } from 'commander';
import { pino } from 'pino';
import { openArchiveWriter } from '../archive/index.js';
import { createCodec } from '../codec/index.js';
import { loadRunFile, mergeSettings, parseBytes, recorded } from '../config/index.js';
import { GaussituError } from '../errors.js';
import { runPipeline } from '../pipeline/index.js';
import { openInput, replayInfo, replaySource } from '../replay/index.js';
import { addDeviceOptions, useDevice, type DeviceOptions } from './device.js';
import { EXIT } from './exit.js';
import { createProgress, describeStep } from './progress.js';
import { addTargetOptions, positive, targetOf, type TargetOptions } from './targets.js';

interface ReplayOptions extends TargetOptions, DeviceOptions {
  out: string;
  run?: string;
  fields?: string[];
  steps?: string;
  config?: string;
  mesh?: 'store' | 'none';
  threads?: number;
  memory?: number;
  json?: boolean;
}

export const replayCommand = addDeviceOptions(
  addTargetOptions(
    new Command('replay')
      .description('Compress archived timesteps, as if a simulation sent them now.')
      .argument('<input>', 'folder of raw arrays with meta.json, HDF5 file or VTKHDF file (docs/data.md)')
      .requiredOption('--out <run>', 'run folder to write; one that is there already is gone on with')
      .option('--fields <names>', 'only these fields, e.g. u,p', (text) => text.split(',').filter(Boolean))
      .option('--steps <slice>', 'only these steps, as in Python: 0:10 (10 is not included), 3:, :5:2, -1:'),
  ),
)
  .option('--config <file>', 'run.yaml with targets per field; the command line comes first')
  .addOption(new Option('--mesh <what>', 'keep mesh geometry in the run').choices(['store', 'none']))
  .option('--threads <N>', 'threads of the codec (default: all processors)', positive('--threads'))
  .option('--memory <bytes>', 'raw data held at once, e.g. 500M (default 1G)', (text) => {
    const bytes = parseBytes(text);
    if (bytes === undefined) {
      throw new GaussituError('INVALID_ARGUMENT', '--memory', {
        expected: 'a size like 500M',
        received: text,
      });
    }
    return bytes;
  })
  .option('--run <name>', 'name of the run (default: the name of the input)')
  .option('--json', 'print one JSON object when done')
  .addHelpText(
    'after',
    `
Without a target every field is compressed 100:1. Ctrl-C finishes the steps that are complete; the same command goes
on after the last committed step.

Examples:
  gaussitu replay data/dns_decay --out run --fields u,p --ratio 135
  gaussitu replay data/dns_decay --out run --ratio 100 --coder auto
  gaussitu replay data/dns_decay --out run --bytes-per-run 200k
  gaussitu replay data/dns_decay --out run --rel 1e-3
  gaussitu replay data/dns_decay --out run --pw-rel 1e-2
  gaussitu replay flow.vtkhdf --out run --psnr 45 --mesh none
  gaussitu replay output.h5 --out run --steps 0:10 --config run.yaml
  gaussitu inspect run; gaussitu verify run --against data/dns_decay`,
  )
  .action(async (path: string, options: ReplayOptions) => {
    const file = options.config === undefined ? {} : await loadRunFile(options.config);
    const input = await openInput(path, { fields: options.fields, steps: options.steps });
    const settings = mergeSettings(file, {
      ...options,
      target: targetOf(options),
      expectedSteps: options.expectedSteps ?? file.expectedSteps ?? input.steps.length,
    });
    const stop = new AbortController();
    const interrupt = (): void => {
      if (stop.signal.aborted) process.exit(EXIT.interrupted);
      process.stderr.write('\ngaussitu: finishing the steps that are complete; once more to stop at once\n');
      stop.abort();
    };
    process.on('SIGINT', interrupt);
    process.on('SIGTERM', interrupt);
    try {
      const log = pino({ level: 'warn' }, pino.destination({ dest: 2, sync: true }));
      const codec = createCodec();
      if (settings.threads > 0) codec.setThreads(settings.threads);
      const device = useDevice(codec, settings, log);
      const run = options.run ?? runName(input.name);
      const archive = await openArchiveWriter(options.out, {
        info: replayInfo(input, run),
        mesh: settings.mesh,
        settings: { ...recorded(settings), input: path },
      });
      let finished = false;
      const after = archive.lastStep;
      const progress = createProgress({ steps: input.steps.filter((s) => s > after).length });
      try {
        const result = await runPipeline({
          source: replaySource(input, { run, memory: settings.memory, after }),
          archive,
          codec,
          settings,
          log,
          signal: stop.signal,
          onProgress: (at, p) => progress.field(at, p),
          onStep: (summary) => {
            progress.step(summary);
            if (!options.json) progress.around(() => process.stdout.write(`${describeStep(summary)}\n`));
          },
        });
        finished = !stop.signal.aborted;
        progress.stop();
        report(result, options, after, device.name);
        if (!finished) process.exitCode = EXIT.interrupted;
        else if (result.failures.length > 0) process.exitCode = EXIT.failed;
      } finally {
        progress.stop();
        await archive.close(finished);
      }
    } finally {
      process.off('SIGINT', interrupt);
      process.off('SIGTERM', interrupt);
      input.close();
    }
  });

function report(
  result: Awaited<ReturnType<typeof runPipeline>>,
  { json, out }: ReplayOptions,
  after: number,
  device: string,
): void {
  const ratio = result.storedBytes > 0 ? result.rawBytes / result.storedBytes : null;
  if (json) {
    process.stdout.write(`${JSON.stringify({ out, device, ...result, ratio })}\n`);
    return;
  }
  for (const f of result.failures) {
    process.stderr.write(`gaussitu: step ${f.step}: ${f.field} could not be stored: ${f.message}\n`);
  }
  process.stdout.write(
    result.steps === 0
      ? `${out}: nothing to do${after >= 0 ? `, everything up to step ${after} is there` : ''}\n`
      : `${out}: ${result.steps} steps, ${result.rawBytes} bytes in ${result.storedBytes}, ${ratio?.toFixed(1)}:1\n`,
  );
}

/** Runs are named with letters, digits, dot, underscore and dash. */
function runName(name: string): string {
  return (
    name
      .replace(/[^A-Za-z0-9._-]+/g, '-')
      .replace(/^\.+/, '')
      .slice(0, 200) || 'replay'
  );
}

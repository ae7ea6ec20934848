import { EventEmitter, once } from 'node:events';
import { Command, Option } from 'commander';
import { createCodec } from '../codec/index.js';
import { loadRunFile, mergeSettings } from '../config/index.js';
import { GaussituError } from '../errors.js';
import { checkAddress, openIngest } from '../ingest/index.js';
import { addDeviceOptions, useDevice, type DeviceOptions } from './device.js';
import { EXIT } from './exit.js';
import { createLog } from './log.js';
import { createProgress } from './progress.js';
import { createOutput } from './serve_output.js';
import { checkFolder, ServeHost } from './serve_host.js';
import { addTargetOptions, positive, targetOf, type TargetOptions } from './targets.js';

interface ServeOptions extends TargetOptions, DeviceOptions {
  config?: string;
  listen?: string;
  out?: string;
  memory?: number;
  threads?: number;
  mesh?: 'store' | 'none';
  multi?: boolean;
  once?: boolean;
  allowRemote?: boolean;
  timeout: number;
  json?: boolean;
  logLevel: string;
}

const DEFAULT_LISTEN = 'tcp://127.0.0.1:5555';

export function serveCommand(): Command {
  const command = new Command('serve')
    .description('Receives a running simulation over ZeroMQ and writes its timesteps compressed.')
    .option('--out <folder>', 'run folder to write (with --multi: the folder of the run folders)')
    .option(
      '--config <file>',
      'run.yaml: targets per field and everything below; the command line overrides it',
    )
    .option('--listen <address>', `tcp://HOST:PORT (port 0: any) or ipc://PATH (default: ${DEFAULT_LISTEN})`);
  return addDeviceOptions(addTargetOptions(command))
    .addOption(
      new Option('--memory <bytes>', 'raw bytes held at once, e.g. 500M (default: 1G)').argParser(
        positive('--memory'),
      ),
    )
    .addOption(
      new Option('--threads <N>', 'threads that train (default: all processors)').argParser(
        wholeNumber('--threads'),
      ),
    )
    .addOption(new Option('--mesh <what>', 'store mesh geometry or not').choices(['store', 'none']))
    .option('--multi', 'serve many runs, each into OUT/<run id>; --memory is then per run')
    .option('--once', 'exit when the run is finished')
    .addOption(
      new Option('--timeout <seconds>', 'give up a rank that others wait for after so much silence')
        .argParser(positive('--timeout'))
        .default(60),
    )
    .option(
      '--allow-remote',
      'listen on addresses that other machines reach (neither encrypted nor authenticated)',
    )
    .option('--json', 'one JSON object per line on stdout: listening, run, step, failed, finished')
    .addOption(
      new Option('--log-level <level>', 'log on stderr')
        .choices(['silent', 'error', 'warn', 'info', 'debug'])
        .default('warn'),
    )
    .addHelpText('after', EXAMPLES)
    .action((options: ServeOptions) => serve(options));
}

const EXAMPLES = `
Targets: without one, what the simulation asks for, else --ratio 100. Precedence: command line, run.yaml, simulation.
--coder auto stores residuals, with a strict bound in the certificate, where they are better than models.

Examples:
  Compress everything 100:1 into ./run and exit when the simulation has said goodbye:
    gaussitu serve --out run --ratio 100 --once
  At least 45 dB, at most 20 s of training per step, two threads left to the simulation:
    gaussitu serve --out run --psnr 45 --seconds-per-step 20 --threads 6
  Every value within 0.1 % of the range, checked before it is stored:
    gaussitu serve --out run --rel 1e-3
  The whole run in 20 GB, models and residuals as they are better:
    gaussitu serve --out run --bytes-per-run 20G --expected-steps 500 --coder auto
  Settings per field:
    gaussitu serve --config run.yaml        where run.yaml has
      out: run
      memory: 2G
      fields:
        - {match: "vel*", psnr: 48}
        - {match: flags, model: false}      (stored losslessly)
        - {match: p, ratio: 200, coder: auto}
        - {match: T, abs: 0.5, fill: 1e20}  (strict bound; 1e20 marks missing values)
        - {match: rho, pwRel: 0.01}         (every value within 1 % of its own size)
        - {match: "*", ratio: 200}
  Train on the first CUDA card if there is one, with at most 8 GB of its memory:
    gaussitu serve --out run --ratio 100 --device auto --device-memory 8G
  Let a script find the port:
    gaussitu serve --out run --listen tcp://127.0.0.1:0 --json
      {"event":"listening","endpoint":"tcp://127.0.0.1:40733",...}

Ctrl-C stores the steps that are complete and exits; a second Ctrl-C exits at once. Started again with the same --out,
the service goes on after the last durable step, and clients send again what was not acknowledged.`;

async function serve(options: ServeOptions): Promise<void> {
  const file = options.config === undefined ? {} : await loadRunFile(options.config);
  const settings = mergeSettings(file, {
    target: targetOf(options),
    secondsPerStep: options.secondsPerStep,
    threads: options.threads,
    memory: options.memory,
    device: options.device,
    deviceMemory: options.deviceMemory,
    mesh: options.mesh,
    keyframe: options.keyframe,
    coder: options.coder,
    expectedSteps: options.expectedSteps,
    modelShare: options.modelShare,
  });
  const out = options.out ?? file.out;
  if (out === undefined) {
    throw new GaussituError('INVALID_ARGUMENT', '--out', {
      expected: 'a folder to write the run to (or out: in run.yaml)',
      received: 'nothing',
    });
  }
  const listen = options.listen ?? file.listen ?? DEFAULT_LISTEN;
  checkAddress(listen, options.allowRemote ?? false);
  await checkFolder(out, options.multi ?? false);
  const codec = createCodec();
  if (settings.threads > 0) codec.setThreads(settings.threads);

  const progress = createProgress(options.json || options.logLevel !== 'warn' ? { enabled: false } : {});
  const log = createLog(options.logLevel);
  const device = useDevice(codec, settings, log);
  const output = createOutput(options.json ?? false, progress);
  const stop = new AbortController();
  const host = new ServeHost({
    out,
    multi: options.multi ?? false,
    settings,
    codec,
    log,
    output,
    progress,
    signal: stop.signal,
  });
  const server = await openIngest({
    listen,
    allowRemote: options.allowRemote ?? false,
    memory: settings.memory,
    timeout: options.timeout,
    host,
    log,
  });
  output.listening(server.endpoint, out, codec, device);

  const interrupted = untilSignal(() => {
    server.shutDown();
    stop.abort();
  });
  const over = options.once || !options.multi ? host.firstEnd(options.once ?? false) : undefined;
  let failure: Error | undefined;
  try {
    await Promise.race([interrupted.promise, ...(over ? [over] : [])]);
  } catch (error) {
    failure = error as Error;
  }
  stop.abort();
  await host.allClosed();
  await server.close();
  interrupted.forget();
  progress.stop();
  output.finished(host.totals(), interrupted.signal);
  if (failure) throw failure;
  process.exitCode = interrupted.signal ? EXIT.interrupted : EXIT.ok;
}

/** The first SIGINT or SIGTERM resolves, the second ends the process. */
function untilSignal(onFirst: () => void): {
  promise: Promise<void>;
  readonly signal: NodeJS.Signals | undefined;
  forget: () => void;
} {
  let seen: NodeJS.Signals | undefined;
  const events = new EventEmitter();
  const handle = (signal: NodeJS.Signals): void => {
    if (seen) process.exit(EXIT.interrupted);
    seen = signal;
    onFirst();
    events.emit('stop');
  };
  process.on('SIGINT', handle);
  process.on('SIGTERM', handle);
  return {
    promise: once(events, 'stop').then(() => undefined),
    get signal() {
      return seen;
    },
    forget: () => {
      process.off('SIGINT', handle);
      process.off('SIGTERM', handle);
    },
  };
}

function wholeNumber(name: string): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new GaussituError('INVALID_ARGUMENT', name, { expected: 'a whole number', received: text });
    }
    return value;
  };
}

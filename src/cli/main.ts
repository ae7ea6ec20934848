#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { decodeCommand } from './decode.js';
import { EXIT, reportError } from './exit.js';
import { exportCommand } from './export.js';
import { inspectCommand } from './inspect.js';
import { renderCommand } from './render.js';
import { replayCommand } from './replay.js';
import { serveCommand } from './serve.js';
import { verifyCommand } from './verify.js';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

/** One line per command; each lives in its own file. */
const commands: Command[] = [
  serveCommand(),
  replayCommand,
  decodeCommand,
  exportCommand,
  inspectCommand,
  verifyCommand,
  renderCommand,
];

const program = new Command('gaussitu')
  .description('In-situ compression of simulation timesteps: trained 3-D Gaussians, compressed HDF5.')
  .version(version)
  .showHelpAfterError('(gaussitu --help, or gaussitu COMMAND --help)')
  .configureHelp({ showGlobalOptions: true })
  .addHelpText(
    'after',
    `
Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 verification failed, 130 interrupted.`,
  )
  .exitOverride();
for (const command of commands) program.addCommand(command.exitOverride());

// Who reads the output may leave (a closed terminal, `| head`): a run goes on without them.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = reportError(error);
}
if (process.exitCode === undefined) process.exitCode = EXIT.ok;

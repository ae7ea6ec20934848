import { spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { GaussituError } from '../errors.js';

/** The program of adapters/adios2 that turns BP files into bytes; with the test's chroot a command of several words. */
const PROGRAM = (process.env['GAUSSITU_BP'] ?? 'gaussitu-bp').split(' ');

export interface BpProcess {
  stdin: Writable;
  /** What it answers: not stdout, where libraries beneath MPI print. */
  answer: Readable;
  /** Resolves when it ended well; throws what it said, or how to get it when it is not there. */
  done: Promise<void>;
}

export function startBp(args: readonly string[]): BpProcess {
  const child = spawn(PROGRAM[0]!, [...PROGRAM.slice(1), ...args], {
    stdio: ['pipe', 'ignore', 'pipe', 'pipe'],
  });
  const [stdin, , stderr, answer] = child.stdio as unknown as [Writable, null, Readable, Readable];
  let said = '';
  stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  const done = new Promise<void>((resolve, reject) => {
    child.on('error', (cause) =>
      reject(
        new GaussituError('UNSUPPORTED', 'BP files need the program gaussitu-bp', {
          received: cause.message,
          hint: 'build adapters/adios2 (docs/adios2.md) and put gaussitu-bp on the PATH, or name it in GAUSSITU_BP',
          cause,
        }),
      ),
    );
    child.on('close', (code) => {
      if (code === 0) resolve();
      else
        reject(
          new GaussituError('INVALID_INPUT', `gaussitu-bp ${args[0]}`, {
            received: said.trim() || `exit code ${code}`,
          }),
        );
    });
  });
  // Whoever awaits it sees the failure; nobody may be there yet.
  done.catch(() => {});
  return { stdin, answer, done };
}

/** All that it prints. */
export async function readBp(args: readonly string[]): Promise<Buffer> {
  const { stdin, answer, done } = startBp(args);
  const chunks: Buffer[] = [];
  answer.on('data', (chunk: Buffer) => chunks.push(chunk));
  stdin.end();
  await done;
  return Buffer.concat(chunks);
}

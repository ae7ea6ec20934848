import { CommanderError } from 'commander';
import { GaussituError } from '../errors.js';

export const EXIT = { ok: 0, failed: 1, usage: 2, verifyFailed: 3, interrupted: 130 } as const;

/** Prints an error the way a person wants to read it and returns the exit code that stands for it. */
export function reportError(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (error instanceof GaussituError) {
    process.stderr.write(`gaussitu: ${error.message} [${error.code}]\n`);
    if (error.code === 'INVALID_ARGUMENT' || error.code === 'INVALID_CONFIG') return EXIT.usage;
    if (error.code === 'VERIFY_FAILED') return EXIT.verifyFailed;
    if (error.code === 'CANCELLED') return EXIT.interrupted;
    return EXIT.failed;
  }
  process.stderr.write(
    `gaussitu: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n` +
      'This is a bug in gaussitu: please report it with the lines above.\n',
  );
  return EXIT.failed;
}

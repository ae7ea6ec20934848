import { open, readdir, rename, rm, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { GaussituError } from '../errors.js';

const TEMPORARY = '.tmp';

/**
 * Puts `bytes` at `path` so that a crash at any moment leaves either the old file or the new one: temporary name,
 * write, fsync, rename, fsync of the directory. Throws ARCHIVE_FAILED and leaves nothing behind.
 */
export async function writeDurable(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = path + TEMPORARY;
  let handle: FileHandle | undefined;
  try {
    handle = await open(temporary, 'w');
    await handle.writeFile(bytes);
    await handle.sync();
    await handle.close();
    handle = undefined;
    await rename(temporary, path);
    await syncDirectory(dirname(path));
  } catch (error) {
    await handle?.close().catch(() => undefined);
    await rm(temporary, { force: true }).catch(() => undefined);
    throw archiveFailed(`cannot write ${basename(path)}`, error);
  }
}

export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** What a writer that was killed left behind. */
export async function removeTemporaries(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (name.endsWith(TEMPORARY)) await rm(join(folder, name), { force: true });
  }
}

const HINTS: Record<string, string> = {
  ENOSPC: 'the disk is full: free some space; what was committed before is safe',
  EDQUOT: 'the quota is used up: free some space; what was committed before is safe',
  EFBIG: 'the file size limit (ulimit -f) is too low; what was committed before is safe',
  EACCES: 'the folder is not writable',
  EPERM: 'the folder is not writable',
  EROFS: 'the file system is read-only',
  ENOENT: 'the folder is gone',
};

export function archiveFailed(message: string, cause: unknown): GaussituError {
  if (cause instanceof GaussituError) return cause;
  const code = (cause as NodeJS.ErrnoException).code ?? '';
  return new GaussituError('ARCHIVE_FAILED', message, {
    received: cause instanceof Error ? cause.message : String(cause),
    ...(HINTS[code] ? { hint: HINTS[code] } : {}),
    cause,
  });
}

import { randomUUID } from 'node:crypto';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { GaussituError } from '../errors.js';

const LOCK = 'writer.lock';
const schema = z.object({ pid: z.int().positive(), host: z.string(), started: z.string(), id: z.string() });
type Owner = z.infer<typeof schema>;

/**
 * Makes this process the only writer of `folder`; resolves to the function that gives the lock back. A lock whose
 * process is dead is taken over. Throws ARCHIVE_BUSY.
 */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  const path = join(folder, LOCK);
  const me: Owner = {
    pid: process.pid,
    host: hostname(),
    started: (await startTime(process.pid)) ?? '',
    id: randomUUID(),
  };
  const mine = `${path}.${me.id}`;
  await writeFile(mine, JSON.stringify(me));
  try {
    return await acquire(folder, path, mine, me);
  } finally {
    await rm(mine, { force: true });
  }
}

async function acquire(folder: string, path: string, mine: string, me: Owner): Promise<() => Promise<void>> {
  for (let attempt = 0; attempt < 5; attempt++) {
    try {
      await link(mine, path); // fails when there is one; never shows a half-written lock
      return async () => {
        if ((await ownerOf(path))?.id === me.id) await rm(path, { force: true });
      };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const owner = await ownerOf(path);
    if (owner && (await isAlive(owner))) {
      throw new GaussituError('ARCHIVE_BUSY', `${folder} is being written by another process`, {
        received: `a lock of process ${owner.pid} on ${owner.host}`,
        hint:
          owner.host === me.host
            ? 'give --out another folder, or stop that process'
            : `if that process is dead, remove ${LOCK}`,
      });
    }
    // Stale. Whoever renames it away first has the right to try again; a fresh lock is never removed by this.
    const aside = `${mine}.stale`;
    await rename(path, aside).catch(() => undefined);
    const taken = await ownerOf(aside);
    if (taken && taken.id !== owner?.id) await rename(aside, path).catch(() => undefined);
    await rm(aside, { force: true });
  }
  throw new GaussituError('ARCHIVE_BUSY', `${folder}: the lock cannot be had`, { hint: `remove ${LOCK}` });
}

async function ownerOf(path: string): Promise<Owner | undefined> {
  try {
    return schema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return undefined; // gone, or not ours
  }
}

async function isAlive(owner: Owner): Promise<boolean> {
  if (owner.host !== hostname()) return true; // cannot be known from here
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  const started = await startTime(owner.pid);
  return started === undefined || owner.started === '' || started === owner.started;
}

/** Start time of a process in clock ticks since boot (Linux), so that a recycled pid is not taken for the writer. */
async function startTime(pid: number): Promise<string | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

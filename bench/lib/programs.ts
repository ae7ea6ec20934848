import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

// Asked to stop, a bench takes its services with it.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

const CLI = new URL('../../dist/cli/main.js', import.meta.url).pathname;

/** Runs the command line to its end and returns its standard output; throws with its messages when it fails. */
export function gaussitu(...args: string[]): string {
  const { status, stdout, stderr } = spawnSync('node', [CLI, ...args], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (status !== 0) throw new Error(`gaussitu ${args.join(' ')} ended with ${status}:\n${stderr}`);
  return stdout;
}

export interface Service {
  process: ChildProcess;
  endpoint: string;
  /** Largest resident set so far, bytes. */
  peak(): number;
  /** Asks it to stop, waits, and returns its exit code. */
  stop(): Promise<number | null>;
}

/** Starts `gaussitu serve` on a free port and waits until it listens. */
export async function startService(out: string, ...args: string[]): Promise<Service> {
  const child = spawn(
    'node',
    [CLI, 'serve', '--listen', 'tcp://127.0.0.1:0', '--out', out, '--json', ...args],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  let peak = 0;
  const look = () => {
    try {
      const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
      peak = Math.max(peak, 1024 * Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0));
    } catch {
      // Gone already: what was seen last stands.
    }
  };
  const timer = setInterval(look, 100);
  const abandon = () => child.kill('SIGKILL');
  process.on('exit', abandon);
  child.on('exit', () => {
    clearInterval(timer);
    process.off('exit', abandon);
  });
  const endpoint = await new Promise<string>((resolve, reject) => {
    child.on('exit', (code) => reject(new Error(`gaussitu serve ended with ${code} before it listened`)));
    createInterface({ input: child.stdout }).on('line', (line) => {
      const match = /tcp:\/\/127\.0\.0\.1:\d+/.exec(line);
      if (match) resolve(match[0]);
    });
  });
  return {
    process: child,
    endpoint,
    peak: () => (look(), peak),
    async stop() {
      look();
      if (child.exitCode !== null) return child.exitCode;
      child.kill('SIGINT');
      const [code] = (await once(child, 'exit')) as [number | null];
      return code;
    },
  };
}

/** A folder for one bench, gone when the process ends. */
export function scratch(name: string): string {
  const path = mkdtempSync(join(tmpdir(), `gaussitu-bench-${name}-`));
  process.on('exit', () => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Bytes of all files below a folder. */
export function folderBytes(path: string): number {
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}

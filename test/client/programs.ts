import { spawn, spawnSync, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';

const BUILD = resolve(process.env['GAUSSITU_BUILD'] ?? 'build');
export const GRAY_SCOTT = join(BUILD, 'examples/gray-scott/gray-scott');
export const HEAT = join(BUILD, 'examples/fortran/heat');
const PROBE = join(BUILD, 'native/client/client_probe');

/** The Python that has numpy, pyzmq and msgpack (Debian's), or undefined. */
export const PYTHON = ['/usr/bin/python3', 'python3'].find(
  (python) => spawnSync(python, ['-c', 'import numpy, zmq, msgpack']).status === 0,
);
export const HAS_MPI = spawnSync('mpirun', ['--version']).status === 0;

export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'gaussitu-client-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export interface Status {
  connected: number;
  refused: number;
  ended: number;
  acknowledged: number;
  dropped: number;
  rejected: number;
  spilled: number;
  pending: number;
  last: number;
  put: number;
  sent: number;
  raw: number;
  stored: number;
  buffer: number;
  peak: number;
  reconnects: number;
  errors: number;
  released: number;
  lost: number[];
}
export interface Answer {
  status: string;
  error: string;
}

/** test/client/probe.c in a process of its own: one line in, one line of JSON out. */
export class Probe {
  private readonly lines: AsyncIterator<string>;
  private constructor(private readonly child: ChildProcessWithoutNullStreams) {
    this.lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  /** Starts it and opens a client; `env` are the GAUSSITU_ variables. */
  static async open(env: Record<string, string>, rank = 0, ranks = 1): Promise<Probe> {
    const probe = Probe.start(env);
    const { status, error } = await probe.say(`open ${rank} ${ranks}`);
    if (status !== 'ok') throw new Error(error);
    return probe;
  }

  static start(env: Record<string, string>): Probe {
    if (!existsSync(PROBE)) throw new Error(`${PROBE} is not built: make native`);
    const child = spawn(PROBE, { env: { ...process.env, GAUSSITU_RUN: 'test', ...env } });
    child.stderr.pipe(process.stderr);
    onTestFinished(() => {
      child.kill('SIGKILL');
    });
    return new Probe(child);
  }

  async say<T = Answer>(line: string): Promise<T> {
    this.child.stdin.write(`${line}\n`);
    const { value, done } = await this.lines.next();
    if (done) throw new Error(`the probe died (${this.child.exitCode ?? this.child.signalCode}) on: ${line}`);
    return JSON.parse(value) as T;
  }

  status(): Promise<Status> {
    return this.say<Status>('status');
  }

  put(field: Partial<PutField> = {}): Promise<Answer> {
    const { how = 'copy', name = 'f', mesh = 'm', block = 0, index = 0, count = 1000, dtype = 0 } = field;
    const { components = 1, association = 0 } = field;
    return this.say(
      `put ${how} ${name} ${mesh} ${block} ${index} ${count} ${dtype} ${components} ${association}`,
    );
  }

  /** A whole step of one field with `count` f32 values on mesh m; returns what end_step said. */
  async step(step: number, count = 1000, how: 'copy' | 'borrow' = 'copy'): Promise<string> {
    await this.say(`begin ${step} ${step / 2}`);
    await this.put({ count, how });
    return (await this.say('end')).status;
  }

  /** Defines mesh m with `count` points. */
  async mesh(count = 1000): Promise<void> {
    await this.say(`define ${count} m 0`);
  }

  kill(): void {
    this.child.kill('SIGKILL');
  }
}

interface PutField {
  how: 'copy' | 'borrow';
  name: string;
  mesh: string;
  block: number;
  index: number;
  count: number;
  dtype: number;
  components: number;
  association: number;
}

/** The bytes that probe.c makes for field `index` of `step`. */
export function pattern(size: number, step: number, index = 0): Buffer {
  return Buffer.from(
    Uint8Array.from({ length: size }, (_, j) => 7 * j + 13 * step + 31 * index + Math.floor(j / 256)),
  );
}

export interface Finished {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs a program to its end. */
export function run(command: string, args: string[], env: Record<string, string> = {}): Promise<Finished> {
  const child = spawn(command, args, { env: { ...process.env, ...env } });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (text: Buffer) => (stdout += text.toString()));
  child.stderr.on('data', (text: Buffer) => (stderr += text.toString()));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}

/** Open MPI as root, more ranks than cores. */
export const MPI_ENV = {
  OMPI_ALLOW_RUN_AS_ROOT: '1',
  OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: '1',
  OMPI_MCA_rmaps_base_oversubscribe: '1',
};

import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/**
 * A root folder with ADIOS2, our plugins and the programs of these tests in /gaussitu, as adapters/adios2/build.sh makes it
 * (make test-adios2; CI does). Without it these tests are skipped.
 */
export const ROOT = process.env['GAUSSITU_ADIOS2_ROOT'];

/** A folder that the chroot sees as `inside` and we as `outside`. */
export async function sharedFolder(): Promise<{ inside: string; outside: string }> {
  const outside = await mkdtemp(join(ROOT!, 'tmp', 'gaussitu-'));
  onTestFinished(() => rm(outside, { recursive: true, force: true }));
  return { outside, inside: outside.slice(ROOT!.length) };
}

export interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs a command inside the root. */
export async function inRoot(command: string[], env: Record<string, string> = {}): Promise<Outcome> {
  const child = spawn('chroot', [ROOT!, ...command], {
    env: {
      PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
      HOME: '/root',
      OMPI_ALLOW_RUN_AS_ROOT: '1',
      OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: '1',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const code = await new Promise<number | null>((resolve, reject) =>
    child.on('close', resolve).on('error', reject),
  );
  return { code, stdout, stderr };
}

/** Throws what the command said unless it ended well. */
export function succeeded({ code, stdout, stderr }: Outcome): void {
  if (code !== 0) throw new Error(`exit code ${code}: ${stderr}${stdout}`);
}

/** `<parameter>` elements. */
export const keys = (parameters: Record<string, string>): string =>
  Object.entries(parameters)
    .map(([key, value]) => `<parameter key="${key}" value="${value}"/>`)
    .join('');

/** A user's XML: the plugin as the engine of io `output`. */
export async function writeConfig(
  folder: { inside: string; outside: string },
  parameters: Record<string, string>,
  variables = '',
  library = 'gaussitu_adios2',
): Promise<string> {
  const all = { PluginName: 'gaussitu', PluginLibrary: library, ...parameters };
  await writeFile(
    join(folder.outside, 'adios2.xml'),
    `<?xml version="1.0"?><adios-config><io name="output"><engine type="plugin">${keys(all)}</engine>${variables}</io></adios-config>`,
  );
  return `${folder.inside}/adios2.xml`;
}

/** The environment in which ADIOS2 finds the plugin; `kind` as in build.sh. */
export const plugins = (kind: 'serial' | 'mpi'): Record<string, string> => ({
  ADIOS2_PLUGIN_PATH: `/gaussitu/${kind}`,
});

/** What writer.cpp writes as u: the same operations give the same bits. */
export function wave(x: number, y: number, z: number, step: number): number {
  const rough = (7 * x + 13 * y + 29 * z + 31 * step) % 17;
  return 0.25 * x + 0.5 * y - 0.125 * z + step + 0.001 * rough;
}

/** `f` at every node of writer.cpp's grid, x fastest. */
export function grid(f: (x: number, y: number, z: number) => number): number[] {
  const [nx, ny, nz] = [12, 10, 8];
  return Array.from({ length: nx * ny * nz }, (_, i) =>
    f(i % nx, Math.floor(i / nx) % ny, Math.floor(i / (nx * ny))),
  );
}

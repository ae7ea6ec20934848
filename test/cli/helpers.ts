import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** Runs the built command line as a user does. */
export function gaussitu(...args: string[]): Promise<Outcome> {
  return gaussituWith({}, ...args);
}

export interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

/** The same with more in its environment. */
export function gaussituWith(environment: Record<string, string>, ...args: string[]): Promise<Outcome> {
  const options = { maxBuffer: 1 << 26, env: { ...process.env, ...environment } };
  return new Promise((resolve) => {
    execFile(process.execPath, [MAIN, ...args], options, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), stdout, stderr });
    });
  });
}

/** Four steps of a small travelling wave, `u` smooth, `k` constant, with meta.json. */
export async function waveInput(folder: string): Promise<string> {
  const input = join(folder, 'wave');
  await mkdir(input);
  const dims = [28, 24, 20] as const;
  await writeFile(
    join(input, 'meta.json'),
    JSON.stringify({
      case: 'wave',
      dims,
      fields: ['u', 'k'],
      steps: 4,
      times: [0, 0.1, 0.2, 0.3],
      spacing: [0.1, 0.1, 0.1],
    }),
  );
  const count = dims[0] * dims[1] * dims[2];
  for (let step = 0; step < 4; step++) {
    const u = Float32Array.from({ length: count }, (_, i) => {
      const [x, y, z] = [i % dims[0], Math.floor(i / dims[0]) % dims[1], Math.floor(i / dims[0] / dims[1])];
      return Math.sin(x / 4 - step / 80) * Math.cos(y / 5) + Math.sin(z / 3);
    });
    await writeFile(join(input, `u_00${step}.f32`), u);
    await writeFile(join(input, `k_00${step}.f32`), new Float32Array(count).fill(2.5));
  }
  return input;
}

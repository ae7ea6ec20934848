import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { GRAY_SCOTT, HAS_MPI, HEAT, MPI_ENV, PYTHON, run, temporaryFolder } from './programs.js';
import { TestService, until } from './service.js';

/** f32 values of field `key` as rank `rank` sent them. */
function floats(service: TestService, step: number, key: string, rank = 0): Float32Array {
  return new Float32Array(new Uint8Array(service.field(step, key, rank)!.frames[0]!).buffer);
}

describe('examples/gray-scott', () => {
  const size = ['--grid', '16x12x10', '--start', '30', '--every', '5', '--steps', '3'];

  it('pushes u and v with true periodic ghosts, equal to its raw output', async () => {
    const raw = await temporaryFolder();
    const service = await TestService.start();
    const { code, stdout } = await run(GRAY_SCOTT, [...size, '--raw', raw, '--endpoint', service.endpoint]);
    expect(code).toBe(0);
    expect(stdout).toContain('3 of 3 steps durable');
    expect(service.violations).toEqual([]);
    const [nx, ny, nz] = [18, 14, 12];
    for (const field of ['u', 'v'])
      for (const step of [0, 1, 2]) {
        const values = floats(service, step, field);
        const bytes = await readFile(join(raw, `${field}_00${step}.f32`));
        const file = new Float32Array(new Uint8Array(bytes).buffer);
        expect(new Set(file).size).toBeGreaterThan(20);
        for (let z = 0, i = 0; z < nz; z++)
          for (let y = 0; y < ny; y++)
            for (let x = 0; x < nx; x++, i++) {
              const [a, b, c] = [(x + 15) % 16, (y + 11) % 12, (z + 9) % 10];
              if (values[i] !== file[(c * 12 + b) * 16 + a])
                throw new Error(`${field} ${step}: ${x},${y},${z}`);
            }
      }
  });

  it.skipIf(!HAS_MPI)('two MPI ranks send what one rank does, each its half with ghosts', async () => {
    const alone = await TestService.start();
    expect((await run(GRAY_SCOTT, [...size, '--endpoint', alone.endpoint])).code).toBe(0);
    const service = await TestService.start();
    const args = ['-n', '2', GRAY_SCOTT, ...size, '--endpoint', service.endpoint];
    const { code, stderr } = await run('mpirun', args, MPI_ENV);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(service.violations).toEqual([]);
    const plane = 18 * 14;
    for (const rank of [0, 1]) {
      expect(service.meshes.get(`grid/${rank}`)!.message).toMatchObject({
        dims: [18, 14, 7],
        ghost: [1, 1, 1, 1, 1, 1],
        start: [-1, -1, 5 * rank - 1],
        global: [16, 12, 10],
      });
      const whole = floats(alone, 2, 'v');
      const part = floats(service, 2, 'v', rank);
      expect(part).toEqual(whole.subarray(5 * rank * plane, (5 * rank + 7) * plane));
    }
    await until(() => service.byes.length === 2, 'both said goodbye');
  });

  it('goes on without a service, and says so', async () => {
    const args = [...size, '--endpoint', 'tcp://127.0.0.1:9', '--close-seconds', '1e6'];
    const { code, stdout, stderr } = await run(GRAY_SCOTT, args, { GAUSSITU_LIVENESS_SECONDS: '0.3' });
    expect(code).toBe(1);
    expect(stdout).toContain('step   2');
    expect(stderr).toMatch(
      /timeout: 3 steps are not known to be stored; last: no service answered at tcp:\/\/127\.0\.0\.1:9/,
    );
  });

  it('pushes f64, writes raw HDF5, refuses nonsense', async () => {
    const out = await temporaryFolder();
    const service = await TestService.start();
    expect((await run(GRAY_SCOTT, [...size, '--double', '--endpoint', service.endpoint])).code).toBe(0);
    expect(service.field(0, 'u')!.message).toMatchObject({ dtype: 'f64', shape: [18 * 14 * 12] });
    expect((await run(GRAY_SCOTT, [...size, '--output', 'hdf5', '--out', out])).code).toBe(0);
    const file = await readFile(join(out, 'gray-scott_2_0.h5'));
    expect(file.subarray(1, 4).toString()).toBe('HDF');
    expect(file.length).toBeGreaterThan(2 * 4 * 16 * 12 * 10);
    const { code, stderr } = await run(GRAY_SCOTT, ['--grid', '16x12']);
    expect(code).toBe(2);
    expect(stderr).toMatch(/cannot make sense of '--grid 16x12'/);
  });

  it('Ctrl-C ends it after the step, with everything delivered', async () => {
    const service = await TestService.start();
    const args = ['--grid', '16', '--start', '0', '--steps', '100000', '--every', '50'];
    const child = spawn(GRAY_SCOTT, [...args, '--endpoint', service.endpoint]);
    onTestFinished(() => {
      child.kill('SIGKILL');
    });
    let stdout = '';
    child.stdout.on('data', (text: Buffer) => (stdout += text.toString()));
    const closed = once(child, 'close');
    await until(() => stdout.includes('step   1'), 'it computes');
    child.kill('SIGINT');
    expect((await closed)[0]).toBe(130);
    expect(stdout).toMatch(/(\d+) of \1 steps durable/);
  });
});

describe('examples/fortran', () => {
  it('heat: the hottest value that it prints is the hottest that arrives', async () => {
    const service = await TestService.start();
    const { code, stdout } = await run(HEAT, ['12', '3', 'heat-run', service.endpoint]);
    expect(code).toBe(0);
    expect(stdout).toContain('3 of 3 steps durable');
    expect(service.violations).toEqual([]);
    expect(service.hellos[0]).toMatchObject({ run: 'heat-run', client: 'fortran' });
    const { message, frames } = service.field(2, 'temperature')!;
    expect(message).toMatchObject({ dtype: 'f64', shape: [12 ** 3], units: 'K', mesh: 'box' });
    const values = new Float64Array(new Uint8Array(frames[0]!).buffer);
    expect(stdout).toContain(Math.max(...values).toFixed(3));
  });

  it('heat computes to its end without a coupling, and tells it', async () => {
    const { code, stdout } = await run(HEAT, ['8', '2', 'bad/name', 'tcp://127.0.0.1:9']);
    expect(code).toBe(1);
    expect(stdout).toMatch(/not coupled: option run/);
    expect(stdout).toContain('step    1');
  });
});

describe.skipIf(!PYTHON)('examples/python', () => {
  it('push.py speaks the protocol, within a small credit', async () => {
    const service = await TestService.start({ credit: 5000 });
    const args = ['examples/python/push.py', '--grid', '16', '--steps', '3', '--endpoint', service.endpoint];
    const { code, stdout, stderr } = await run(PYTHON!, args);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(stdout).toContain('3 of 3 steps durable');
    expect(service.violations).toEqual([]);
    const values = floats(service, 2, 'scalar');
    expect(values.length).toBe(4096);
    expect(Math.max(...values)).toBeGreaterThan(0.5);
  });

  it('push.py says why it was refused', async () => {
    const service = await TestService.start({
      intercept: (self, peer) => {
        self.send({ t: 'refuse', code: 'RUN_BUSY', message: 'taken' }, peer);
        return true;
      },
    });
    const args = ['examples/python/push.py', '--grid', '8', '--steps', '1', '--endpoint', service.endpoint];
    const { code, stderr } = await run(PYTHON!, args);
    expect(code).toBe(1);
    expect(stderr).toContain('push.py: RUN_BUSY: taken');
  });
});

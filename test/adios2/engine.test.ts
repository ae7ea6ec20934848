import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openArchive } from '../../src/archive/index.js';
import { GAUSSITU, ServiceProcess } from '../support/service.js';
import { run, temporaryFolder } from '../client/programs.js';
import {
  grid,
  inRoot,
  keys,
  plugins,
  ROOT,
  sharedFolder,
  succeeded,
  wave,
  writeConfig,
} from './environment.js';

const [NX, NY] = [12, 10];

/** A service that stores everything as it came, or as `args` say. */
async function serve(args: string[] = [], lossless = true) {
  const folder = await temporaryFolder();
  const out = join(folder, 'run');
  const config = join(folder, 'run.yaml');
  await writeFile(config, lossless ? 'fields:\n  - {match: "*", model: false}\n' : 'fields: []\n');
  const { service, endpoint } = await ServiceProcess.listen([
    '--config',
    config,
    '--out',
    out,
    '--once',
    ...args,
  ]);
  onTestFinished(() => void service.kill('SIGKILL'));
  return { service, endpoint, out, folder };
}

async function decode(
  out: string,
  field: string,
  step: number,
  extension: 'f32' | 'f64',
): Promise<Float32Array | Float64Array> {
  const file = join(out, '..', `decoded.${extension}`);
  const result = await run(GAUSSITU[0]!, [
    ...GAUSSITU.slice(1),
    'decode',
    out,
    '--field',
    field,
    '--step',
    String(step),
    '-o',
    file,
  ]);
  expect(result.stderr).not.toMatch(/error/i);
  expect(result.code).toBe(0);
  const bytes = await readFile(file);
  const copy = Uint8Array.from(bytes).buffer;
  return extension === 'f32' ? new Float32Array(copy) : new Float64Array(copy);
}

describe.skipIf(!ROOT)(
  'ADIOS2 engine plugin (skipped without GAUSSITU_ADIOS2_ROOT: make test-adios2)',
  () => {
    it.for<[string, string[], 'serial' | 'mpi', number]>([
      ['one rank', [], 'serial', 1],
      ['two MPI ranks', ['mpirun', '-n', '2', '--oversubscribe'], 'mpi', 2],
    ])(
      '%s: every array arrives bit for bit, values and attributes beside them',
      async ([, launcher, kind, ranks]) => {
        const { service, endpoint, out } = await serve();
        const folder = await sharedFolder();
        const library = kind === 'mpi' ? 'gaussitu_adios2_mpi' : 'gaussitu_adios2';
        const config = await writeConfig(
          folder,
          { Endpoint: endpoint, Run: 'w', Time: 'time', verbose: '1' },
          '',
          library,
        );
        const program = [...launcher, `/gaussitu/${kind}/tests/writer`, config, `${folder.inside}/out`, '3'];
        const result = await inRoot(program, plugins(kind));
        succeeded(result);
        expect(result.stderr).toMatch(/variable wide is left out: its type long double is not supported/);
        expect(result.stderr).toMatch(/3 of 3 steps durable, 0 dropped/);
        expect(await service.exited).toBe(0);

        expect([...(await decode(out, 'u', 2, 'f64'))]).toEqual(grid((x, y, z) => wave(x, y, z, 2)));
        expect([...(await decode(out, 'group:v', 1, 'f32'))]).toEqual(
          grid((x, y, z) => Math.fround(2 * wave(x, y, z, 1))),
        );
        expect([...(await decode(out, 'n', 2, 'f64'))]).toEqual(
          Array.from({ length: NX * ranks }, (_, i) => i + 200),
        );
        expect([...(await decode(out, 'c_x', 1, 'f32'))].slice(0, NX * NY)).toEqual(
          Array.from({ length: NX * NY }, (_, i) => i + 1),
        );
        const archive = await openArchive(out);
        const step = await archive.readStep(2);
        expect(step.time).toBeCloseTo(0.7, 12);
        expect(step.values).toMatchObject({
          time: 0.5 + 0.1 * 2,
          count: '1152921504606846976',
          label: 'step 2',
        });
        for (let rank = 0; rank < ranks; rank++)
          expect(step.values).toHaveProperty(`mine@${rank}`, 10 + rank);
        const first = await archive.readStep(0);
        expect(first.values).toMatchObject({
          '@Dx': 0.25,
          '@names[0]': 'alpha',
          '@names[1]': 'beta',
          '@sizes': [12, 10, 8],
        });
        const blocks = (name: string) => step.fields.filter((f) => f.name === name).length;
        expect([blocks('u'), blocks('group:v'), blocks('local'), blocks('some'), blocks('four')]).toEqual([
          ranks,
          2 * ranks,
          ranks,
          1,
          ranks,
        ]);
      },
    );

    it('takes bounds from the <operation> entries of the user, and holds them', async () => {
      const { service, endpoint, out } = await serve([], false);
      const folder = await sharedFolder();
      const operation = { PluginName: 'bound', PluginLibrary: 'gaussitu_adios2_operator', accuracy: '0.01' };
      const bound = `<variable name="u"><operation type="plugin">${keys(operation)}</operation></variable>`;
      const config = await writeConfig(folder, { Endpoint: endpoint, Rel: '1e-3' }, bound);
      const result = await inRoot(
        ['/gaussitu/serial/tests/writer', config, `${folder.inside}/out`, '2'],
        plugins('serial'),
      );
      succeeded(result);
      expect(await service.exited).toBe(0);
      const step = await (await openArchive(out)).readStep(1);
      const u = step.fields.find((f) => f.name === 'u')!;
      const v = step.fields.find((f) => f.name === 'group:v')!;
      expect([u.certificate.target, v.certificate.target]).toEqual([{ abs: 0.01 }, { rel: 1e-3 }]);
      expect(u.certificate.maxError).toBeLessThanOrEqual(0.01);
      expect(u.certificate.maxError).toBeGreaterThan(0);
      const decoded = await decode(out, 'u', 1, 'f64');
      const exact = grid((x, y, z) => wave(x, y, z, 1));
      expect(Math.max(...exact.map((value, i) => Math.abs(value - decoded[i]!)))).toBeLessThanOrEqual(0.01);
    });

    it('an unmodified ADIOS2 program drives it: adios2_reorganize from a BP file', async () => {
      const folder = await sharedFolder();
      await writeFile(
        join(folder.outside, 'bp.xml'),
        '<?xml version="1.0"?><adios-config><io name="output"><engine type="BP5"/></io></adios-config>',
      );
      const written = await inRoot([
        '/gaussitu/serial/tests/writer',
        `${folder.inside}/bp.xml`,
        `${folder.inside}/in.bp`,
        '2',
      ]);
      succeeded(written);
      const { service, endpoint, out } = await serve();
      const parameters = `PluginName=gaussitu,PluginLibrary=gaussitu_adios2,Endpoint=${endpoint},Run=r`;
      const result = await inRoot(
        [
          'adios2_reorganize.serial',
          `${folder.inside}/in.bp`,
          `${folder.inside}/o`,
          'BPFile',
          '',
          'plugin',
          parameters,
        ],
        plugins('serial'),
      );
      succeeded(result);
      expect(await service.exited).toBe(0);
      expect([...(await decode(out, 'u', 1, 'f64'))]).toEqual(grid((x, y, z) => wave(x, y, z, 1)));
      expect([...(await decode(out, 'group:v', 0, 'f32'))]).toEqual(
        grid((x, y, z) => Math.fround(2 * wave(x, y, z, 0))),
      );
    });

    it.for([
      ['a program without steps writes one', 'nosteps', 1],
      ['a program that forgets Close loses nothing', 'noclose', 2],
    ] as const)('%s', async ([, mode, steps]) => {
      const { service, endpoint, out } = await serve();
      const folder = await sharedFolder();
      const config = await writeConfig(folder, { Endpoint: endpoint });
      const result = await inRoot(
        ['/gaussitu/serial/tests/writer', config, 'o', '2', mode],
        plugins('serial'),
      );
      succeeded(result);
      expect(await service.exited).toBe(0);
      const archive = await openArchive(out);
      expect(await archive.steps()).toHaveLength(steps);
      expect([...(await decode(out, 'u', steps - 1, 'f64'))]).toEqual(
        grid((x, y, z) => wave(x, y, z, steps - 1)),
      );
    });

    it('a missing service costs the simulation what the policy says, never its life', async () => {
      const folder = await sharedFolder();
      const config = await writeConfig(folder, {
        Endpoint: 'tcp://127.0.0.1:9',
        Policy: 'Spill',
        SpillDir: `${folder.inside}/spill`,
        CloseSeconds: '0.5',
        Run: 's',
      });
      const result = await inRoot(['/gaussitu/serial/tests/writer', config, 'o', '2'], plugins('serial'));
      succeeded(result);
      expect(result.stdout).toContain('writer: done');
      expect(result.stderr).toMatch(/0 of 2 steps durable.*2 steps are raw in .*spill/);
    });

    it.for([
      ['a parameter that is none', { Endpont: 'x' }, /unknown parameter Endpont \(did you mean endpoint\?/],
      [
        'a value that makes no sense',
        { Ratio: 'much' },
        /parameter Ratio: target ratio: expected a number .*received "much"/,
      ],
      ['two targets', { Ratio: '10', Abs: '1' }, /one of Ratio, PSNR, Bytes, Abs, Rel, PwRel only/],
      ['a run that is no name', { Run: '../up' }, /option run: expected 1 to 200 of/],
      ['a policy that is none', { Policy: 'wait' }, /option policy: expected block, drop, spill or off/],
      ['a size that is none', { BufferBytes: 'much' }, /option buffer_bytes: expected a number of 0 or more/],
      ['a bound out of range', { PwRel: '1' }, /pw_rel between 0 and 1, received .* 1\.0/],
      [
        'a variable that cannot be taken, with Strict',
        { Strict: 'true', Policy: 'drop', CloseSeconds: '0' },
        /variable wide: its type long double is not supported/,
      ],
    ] as const)('says what is wrong: %s', async ([, parameters, message]) => {
      const folder = await sharedFolder();
      const config = await writeConfig(folder, { Endpoint: 'tcp://127.0.0.1:9', ...parameters });
      const result = await inRoot(['/gaussitu/serial/tests/writer', config, 'o', '1'], plugins('serial'));
      expect(result.code).toBe(1);
      expect(result.stderr).toMatch(message);
    });

    it('another version of ADIOS2 in the process is refused before anything goes wrong', async () => {
      const folder = await sharedFolder();
      const config = await writeConfig(folder, { Endpoint: 'tcp://127.0.0.1:9' });
      const other = `${folder.inside}/libadios2_core.so.2.9`;
      expect((await inRoot(['gcc', '-shared', '-o', other, '-x', 'c', '/dev/null'])).code).toBe(0);
      const result = await inRoot(['/gaussitu/serial/tests/writer', config, 'o', '1'], {
        ...plugins('serial'),
        LD_PRELOAD: other,
      });
      expect(result.code).toBe(1);
      expect(result.stderr).toMatch(/built for ADIOS2 2\.10, the program uses libadios2_core\.so\.2\.9/);
    });

    it('exports nothing but the factories', async () => {
      const { stdout } = await inRoot([
        'nm',
        '-D',
        '--defined-only',
        '/gaussitu/serial/libgaussitu_adios2.so',
      ]);
      const names = stdout
        .split('\n')
        .filter((line) => / [TDBRVW] /.test(line))
        .map((line) => line.split(' ').at(-1));
      expect(names.toSorted((a, b) => String(a).localeCompare(String(b)))).toEqual([
        'EngineCreate',
        'EngineDestroy',
      ]);
    });
  },
);

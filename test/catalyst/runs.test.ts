import { existsSync } from 'node:fs';
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { HAS_MPI, MPI_ENV, run } from '../client/programs.js';
import {
  Host,
  KINDS,
  Script,
  bytesOf,
  loading,
  mesh,
  missing,
  open,
  program,
  ramp,
  serve,
  step,
  temporaryFolder,
} from './host.js';
import { everyTopology, uniform, withFields } from './topologies.js';

/** All that a run holds, but for times that HDF5 writes into its files. */
async function content(out: string): Promise<unknown> {
  const { archive } = await open(out);
  const steps = await Promise.all((await archive.steps()).map((number) => archive.readStep(number)));
  const { meshes } = JSON.parse(await readFile(join(out, 'run.json'), 'utf8')) as { meshes: object[] };
  return { steps: steps.map(({ step, time, fields }) => ({ step, time, fields })), meshes };
}

describe('two ranks', () => {
  it.for(
    KINDS.flatMap((kind) => [
      [kind, 'its launcher', {}] as const,
      [kind, 'its MPI', { HOST_USE_MPI: '1' }] as const,
    ]),
  )(
    '%s: rank and ranks are known from %s; the blocks of both are in one run',
    async ([kind, , env], { skip }) => {
      skip(missing(kind), 'no Catalyst found (CATALYST_PREFIX)');
      skip(!HAS_MPI, 'no MPI');
      const folder = await temporaryFolder();
      const { service, endpoint, out } = await serve(folder);
      const file = join(folder, 'script');
      for (const rank of [0, 1]) {
        await mkdir(join(folder, String(rank)));
        const script = new Script(join(folder, String(rank)));
        script.tree({ catalyst: { gaussitu: { endpoint, run: 'two' } } }).lines.push('initialize');
        for (const number of [0, 1]) {
          const data = withFields(uniform([3, 3, 3]), 27, 8, 10 * rank + number);
          script.tree({ catalyst: step(number, { grid: mesh(data) }) }).lines.push('execute');
        }
        script.lines.push('finalize', 'results', '');
        await writeFile(`${file}.${rank}`, script.lines.join('\n'));
      }
      const { code, stdout, stderr } = await run('mpirun', ['-n', '2', program(kind), `${file}.%r`], {
        ...MPI_ENV,
        ...loading(),
        ...env,
      });
      expect({ code, stderr }).toMatchObject({ code: 0 });
      expect(stdout.match(/"steps_acknowledged": 2/g)?.length).toBe(2);
      expect(await service.exited).toBe(0);
      const stored = await open(out);
      expect(stored.archive.info.ranks).toBe(2);
      for (const rank of [0, 1]) {
        for (const number of [0, 1]) {
          const expected = bytesOf(ramp(Float64Array, 27, 10 * rank + number));
          expect(
            Buffer.from(await stored.field(number, 'v', { block: rank })).equals(Buffer.from(expected)),
          ).toBe(true);
        }
      }
    },
  );
});

/** A live run with dumps on. */
async function live(kind: (typeof KINDS)[number], folder: string, dumps: string) {
  const { service, endpoint, out } = await serve(folder);
  const host = Host.start(folder, {
    kind,
    env: { CATALYST_DATA_DUMP_DIRECTORY: dumps, GAUSSITU_ENDPOINT: endpoint, GAUSSITU_RUN: 'dumped' },
  });
  // Where the service listens is of the environment, so that the dump does not name it.
  expect(await host.initialize({ targets: { e: { ratio: 5 } } })).toBe(0);
  for (const number of [0, 1, 2]) expect(await host.execute(step(number, everyTopology(number)))).toBe(0);
  expect(await host.finalize()).toBe(0);
  expect(await service.exited).toBe(0);
  return { out };
}

describe('data dumps', () => {
  it.each(['own', 'own, mangled names'] as const)(
    '%s: are written, and replayed give the same archive',
    async (kind) => {
      const [folder, again, dumps] = [
        await temporaryFolder(),
        await temporaryFolder(),
        await temporaryFolder(),
      ];
      const { out } = await live(kind, folder, dumps);
      expect((await readdir(dumps)).toSorted()).toEqual([
        'execute_invc0_params.host_dump.1.0',
        'execute_invc1_params.host_dump.1.0',
        'execute_invc2_params.host_dump.1.0',
        'finalize_params.host_dump.1.0',
        'initialize_params.host_dump.1.0',
      ]);
      const second = await serve(again);
      const host = Host.start(again, {
        kind,
        env: { GAUSSITU_ENDPOINT: second.endpoint, GAUSSITU_RUN: 'dumped' },
      });
      expect((await host.call(`replay ${dumps} 3`)).status).toBe(0);
      expect(await second.service.exited).toBe(0);
      expect(await content(second.out)).toEqual(await content(out));
    },
  );

  it('real Catalyst: catalyst_replay gives the same archive', async ({ skip }) => {
    skip(missing('real Catalyst'), 'no Catalyst found (CATALYST_PREFIX)');
    const places = [
      join(process.env['CATALYST_PREFIX'] ?? '', 'bin'),
      ...(process.env['PATH'] ?? '').split(delimiter),
    ];
    const replay = places.map((place) => join(place, 'catalyst_replay')).find((path) => existsSync(path));
    skip(replay === undefined, 'no catalyst_replay beside it');
    const [folder, again, dumps] = [
      await temporaryFolder(),
      await temporaryFolder(),
      await temporaryFolder(),
    ];
    const { out } = await live('real Catalyst', folder, dumps);
    expect(
      (await readdir(dumps)).filter((name) => name.startsWith('execute_invc0_params.conduit_bin.1.0')),
    ).not.toEqual([]);
    const second = await serve(again);
    const { code, stderr } = await run(replay!, [dumps], {
      ...MPI_ENV,
      ...loading({ GAUSSITU_ENDPOINT: second.endpoint, GAUSSITU_RUN: 'dumped' }),
    });
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(await second.service.exited).toBe(0);
    expect(await content(second.out)).toEqual(await content(out));
  });
});

describe('examples/catalyst', () => {
  it('heat: every output step is stored within its bound', async ({ skip }) => {
    skip(missing('real Catalyst'), 'no Catalyst found (CATALYST_PREFIX)');
    const folder = await temporaryFolder();
    const { service, endpoint, out } = await serve(folder, 'fields:\n  - {match: "*", abs: 0.01}\n');
    const heat = join(process.env['GAUSSITU_BUILD'] ?? 'build', 'examples/catalyst/heat');
    const { code, stdout, stderr } = await run(heat, [], loading({ GAUSSITU_ENDPOINT: endpoint }));
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: '200 steps, coupled\n', stderr: '' });
    expect(await service.exited).toBe(0);
    const { archive } = await open(out);
    expect(archive.info.run).toBe('heat');
    expect(await archive.steps()).toEqual(Array.from({ length: 11 }, (_, i) => 20 * i));
    for (const number of [0, 200]) {
      const [field] = (await archive.readStep(number)).fields;
      expect(field).toMatchObject({ name: 'temperature', mesh: 'block', units: 'K', kind: 'bounded' });
      expect(field!.certificate.maxError).toBeLessThanOrEqual(0.01);
    }
  });
});

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { TestService } from '../client/service.js';
import { Host, LIBRARY, mesh, program, step, temporaryFolder, type Tree } from './host.js';
import { uniform, withFields } from './topologies.js';

const channels = () => ({ grid: mesh(withFields(uniform([3, 3, 3]), 27, 8)) });

/** What the service is told by a host with these settings. */
async function couple(settings: Tree, env: Record<string, string> = {}) {
  const folder = await temporaryFolder();
  const service = await TestService.start();
  const host = Host.start(folder, { env: { GAUSSITU_ENDPOINT: service.endpoint, ...env } });
  expect(await host.initialize(settings)).toBe(0);
  expect(await host.execute(step(0, channels()))).toBe(0);
  expect(await host.finalize()).toBe(0);
  expect(service.violations).toEqual([]);
  return {
    hello: service.hellos[0]!,
    fields: [...service.steps.get(0)!.get(0)!.fields.keys()].toSorted(),
    service,
  };
}

describe('settings', () => {
  it('nodes win over the environment, the environment over the file', async () => {
    const file = join(await temporaryFolder(), 'settings');
    await writeFile(
      file,
      `# a comment
run = from-file
fields = v
targets = v psnr 50
meta.case = wing 17
close_seconds = 30   # seconds
`,
    );
    const all = await couple({ run: 'from-node' }, { GAUSSITU_FILE: file, GAUSSITU_RUN: 'from-environment' });
    expect(all.hello).toMatchObject({
      run: 'from-node',
      client: 'catalyst/catalyst_host',
      targets: { v: { psnr: 50 } },
      meta: { case: 'wing 17' },
    });
    expect(all.fields).toEqual(['v']);
    const two = await couple({ file }, { GAUSSITU_RUN: 'from-environment', GAUSSITU_FIELDS: 'e w*' });
    expect(two.hello.run).toBe('from-environment');
    expect(two.fields).toEqual(['e']);
    const one = await couple({ file, fields: { a: '*' } });
    expect(one.hello.run).toBe('from-file');
    expect(one.fields).toEqual(['e', 'v']);
  });

  it('targets and meta as nodes; the program names the run when nothing does', async () => {
    const { hello } = await couple({
      targets: { v: { abs: Float32Array.of(0.25) }, 'p*': { ratio: 50 } },
      meta: { code: 'airfoil', cells: 8 },
    });
    expect(hello).toMatchObject({
      run: 'catalyst_host',
      rank: 0,
      ranks: 1,
      targets: { v: { abs: 0.25 }, 'p*': { ratio: 50 } },
      meta: { code: 'airfoil', cells: '8' },
    });
  });

  it.each([
    ['a misspelt name', { endpoit: 'tcp://127.0.0.1:5555' }, {}, /endpoit: there is none of that name/],
    ['a wrong policy', { policy: 'wait' }, {}, /expected block, drop, spill or off, received "wait"/],
    ['a wrong size', {}, { GAUSSITU_BUFFER_BYTES: 'much' }, /buffer_bytes: expected a number/],
    ['a wrong endpoint', { endpoint: 'nowhere' }, {}, /expected a ZeroMQ address/],
    [
      'a target of no kind',
      { targets: { u: { quality: 3 } } },
      {},
      /expected ratio, psnr, bytes, abs, rel or pw_rel/,
    ],
    ['targets in words', {}, { GAUSSITU_TARGETS: 'u psnr' }, /expected FIELD KIND VALUE/],
    ['a branch for a number', { rank: { a: 1 } }, {}, /expected a string or a number/],
    ['a file that is not there', { file: '/nowhere/at/all' }, {}, /cannot read "\/nowhere\/at\/all"/],
  ])('%s is refused by catalyst_initialize, with a sentence', async (_, settings, env, why) => {
    const host = Host.start(await temporaryFolder(), { env });
    expect(await host.initialize({ run: 'test', ...settings })).toBe(200);
    expect((await host.results())['message']).toMatch(why);
    expect(await host.execute(step(0, channels()))).toBe(202);
    expect(host.stderr).toBe('');
  });

  it('what was refused can be mended and tried again', async () => {
    const host = Host.start(await temporaryFolder());
    expect(await host.initialize({ run: 'a name with spaces' })).toBe(200);
    expect(await host.initialize({ run: 'test', policy: 'drop' })).toBe(0);
    expect(await host.execute(step(0, channels()))).toBe(0);
  });

  it('about names the implementation beside what the stub says', async () => {
    const host = Host.start(await temporaryFolder());
    expect(await host.initialize({ run: 'test', policy: 'off' })).toBe(0);
    const { status, tree } = await host.call('about');
    expect(status).toBe(0);
    expect(tree.catalyst).toMatchObject({ implementation: 'gaussitu', abi_version: '2' });
    expect(tree.catalyst.gaussitu['conduit']).toBe('conduit_');
    expect(await host.finalize()).toBe(0);
  });

  it('prints nothing on its own; CATALYST_DEBUG makes it talk, and a log file is appended to', async () => {
    const quiet = Host.start(await temporaryFolder());
    expect(await quiet.initialize({ run: 'test', policy: 'off' })).toBe(0);
    expect(await quiet.execute(step(0, { x: mesh({}, 'fides') }))).toBe(0);
    expect(await quiet.finalize()).toBe(0);
    expect(quiet.stderr).toBe('');
    const folder = await temporaryFolder();
    const loud = Host.start(folder, { env: { CATALYST_DEBUG: '1' } });
    expect(await loud.initialize({ run: 'test', policy: 'off' })).toBe(0);
    expect(await loud.execute(step(0, { x: mesh({}, 'fides') }))).toBe(0);
    expect(await loud.finalize()).toBe(0);
    expect(loud.stderr).toMatch(/gaussitu\[0\]: catalyst\/channels\/x: skipped/);
    const log = join(folder, 'log');
    const file = Host.start(folder, { env: { GAUSSITU_LOG: log } });
    expect(await file.initialize({ run: 'test', policy: 'off' })).toBe(0);
    expect(await file.finalize()).toBe(0);
    expect(await readFile(log, 'utf8')).toMatch(/run test, rank 0 of 1/);
  });
});

const lines = (...args: string[]): string[] =>
  execFileSync(args[0]!, args.slice(1), { encoding: 'utf8' }).trim().split('\n');

describe('the library', () => {
  it('exports one symbol and needs no ZeroMQ, Conduit or MPI of the host', () => {
    expect(
      lines('nm', '-D', '--defined-only', LIBRARY).map((line) => line.split(' ').slice(1).join(' ')),
    ).toEqual(['D catalyst_api_impl']);
    const needed = lines('readelf', '-d', LIBRARY).flatMap(
      (line) => /NEEDED.*\[(.*)\]/.exec(line)?.slice(1) ?? [],
    );
    expect(needed.filter((name) => !/^lib(stdc\+\+|m|gcc_s|c|dl|pthread)\.so|^ld-linux/.test(name))).toEqual(
      [],
    );
    // Exceptions of the host's Conduit are caught across libraries: that takes one shared unwinder.
    expect(needed.some((name) => name.startsWith('libgcc_s'))).toBe(true);
  });

  it('a real Catalyst has every function that is looked up', async ({ skip }) => {
    skip(!existsSync(program('real Catalyst')), 'no Catalyst found (CATALYST_PREFIX)');
    const catalyst = lines('ldd', program('real Catalyst')).flatMap(
      (line) => /libcatalyst\.so\S* => (\S+)/.exec(line)?.slice(1) ?? [],
    );
    const exported = new Set(
      lines('nm', '-D', '--defined-only', catalyst[0]!).map((line) => line.split(' ').at(-1)),
    );
    const header = await readFile('adapters/catalyst/src/conduit_api.hpp', 'utf8');
    const names = [...header.matchAll(/^ +X\((\w+), /gm)].map((match) => match[1]);
    expect(names.length).toBeGreaterThan(15);
    const stubs = ['initialize', 'execute', 'finalize', 'about', 'results'].map(
      (name) => `catalyst_stub_${name}`,
    );
    const conduits = ['catalyst_conduit_', 'conduit_'].map((prefix) => names.map((name) => prefix + name));
    expect(conduits.some((set) => set.every((name) => exported.has(name)))).toBe(true);
    expect(stubs.filter((name) => !exported.has(name))).toEqual([]);
  });
});

import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openArchive } from '../../src/archive/index.js';
import { run, temporaryFolder } from '../client/programs.js';
import { GAUSSITU } from '../support/service.js';
import { grid, inRoot, ROOT, sharedFolder, succeeded, wave } from './environment.js';

/** Runs gaussitu with a gaussitu-bp that works inside the root: paths there are ours without the root's. */
async function gaussitu(...args: string[]) {
  const wrapper = join(await temporaryFolder(), 'gaussitu-bp');
  await writeFile(
    wrapper,
    `#!/bin/sh\nverb=$1; file=\${2#${ROOT}}; shift 2\nexec chroot ${ROOT} /gaussitu/serial/gaussitu-bp "$verb" "$file" "$@"\n`,
  );
  await chmod(wrapper, 0o755);
  return run(GAUSSITU[0]!, [...GAUSSITU.slice(1), ...args], { GAUSSITU_BP: wrapper });
}

describe.skipIf(!ROOT)('BP files (skipped without GAUSSITU_ADIOS2_ROOT: make test-adios2)', () => {
  it('replay reads them, export writes them, and bpls and numbers agree', async () => {
    const folder = await sharedFolder();
    await writeFile(
      join(folder.outside, 'bp.xml'),
      '<?xml version="1.0"?><adios-config><io name="output"><engine type="BP5"/></io></adios-config>',
    );
    const writer = [
      '/gaussitu/serial/tests/writer',
      `${folder.inside}/bp.xml`,
      `${folder.inside}/in.bp`,
      '3',
    ];
    succeeded(await inRoot(writer));
    const out = join(await temporaryFolder(), 'run');
    succeeded(
      await gaussitu(
        'replay',
        join(folder.outside, 'in.bp'),
        '--out',
        out,
        '--abs',
        '0.01',
        '--steps',
        '1:3',
        '--fields',
        'u,group:v,n',
      ),
    );
    const archive = await openArchive(out);
    expect(await archive.steps()).toEqual([1, 2]);
    const step = await archive.readStep(2);
    expect(step.time).toBeCloseTo(0.7, 12);
    const u = step.fields.find((f) => f.name === 'u')!;
    expect(u.certificate.maxError).toBeLessThanOrEqual(0.01);

    const exported = join(folder.outside, 'out.bp');
    succeeded(await gaussitu('export', out, '--format', 'bp', '-o', exported));
    const listing = await inRoot(['bpls.serial', '-l', `${folder.inside}/out.bp`]);
    succeeded(listing);
    expect(listing.stdout).toMatch(/double +u +2\*\{8, 10, 12\}/);
    expect(listing.stdout).toMatch(/float +group\/v +2\*\{8, 10, 12\}/);
    expect(listing.stdout).toMatch(/int32_t +n +2\*\{12\}/);
    expect(listing.stdout).toMatch(/double +time +2\*scalar/);
    const got = join(folder.outside, 'u.f64');
    succeeded(await gaussitu('decode', out, '--field', 'u', '--step', '2', '-o', got));
    const back = await inRoot([
      'sh',
      '-c',
      `/gaussitu/serial/gaussitu-bp get ${folder.inside}/out.bp 1 u 3> ${folder.inside}/got && cmp ${folder.inside}/got ${folder.inside}/u.f64`,
    ]);
    succeeded(back);
    const values = new Float64Array(Uint8Array.from(await readFile(got)).buffer);
    const exact = grid((x, y, z) => wave(x, y, z, 2));
    expect(Math.max(...exact.map((v, i) => Math.abs(v - values[i]!)))).toBeLessThanOrEqual(0.01);
  });

  it('says what is missing or wrong', async () => {
    const folder = await sharedFolder();
    await writeFile(join(folder.outside, 'md.idx'), 'no index');
    const out = join(await temporaryFolder(), 'run');
    const damaged = await gaussitu('replay', folder.outside, '--out', out);
    expect(damaged.code).toBe(1);
    expect(damaged.stderr).toMatch(/gaussitu-bp list/);
    const absent = await run(GAUSSITU[0]!, [...GAUSSITU.slice(1), 'replay', folder.outside, '--out', out], {
      GAUSSITU_BP: '/nowhere/gaussitu-bp',
    });
    expect(absent.code).not.toBe(0);
    expect(absent.stderr).toMatch(/build adapters\/adios2 .*GAUSSITU_BP/);
  });
});

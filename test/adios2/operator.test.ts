import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { grid, inRoot, keys, plugins, ROOT, sharedFolder, succeeded, wave } from './environment.js';

/** A user's XML: BP5 files of which one variable, and nothing else, goes through the operator. */
async function writeBp(bound: Record<string, string>, variable = 'group/v') {
  const folder = await sharedFolder();
  const parameters = keys({ PluginName: 'bound', PluginLibrary: 'gaussitu_adios2_operator', ...bound });
  await writeFile(
    join(folder.outside, 'bp.xml'),
    `<?xml version="1.0"?><adios-config><io name="output"><engine type="BP5"/><variable name="${variable}"><operation type="plugin">${parameters}</operation></variable></io></adios-config>`,
  );
  const file = `${folder.inside}/out.bp`;
  const written = await inRoot(
    ['/gaussitu/serial/tests/writer', `${folder.inside}/bp.xml`, file, '2'],
    plugins('serial'),
  );
  return { file, written, folder };
}

/** Values of group/v at step 1, as bpls prints them. */
async function values(file: string): Promise<number[]> {
  const printed = await inRoot(
    ['bpls.serial', file, 'group/v', '-d', '-s', '1,0,0,0', '-c', '1,-1,-1,-1', '-f', '%.17g ', '-n', '12'],
    plugins('serial'),
  );
  succeeded(printed);
  return printed.stdout
    .split('\n')
    .filter((line) => /^\s*\(/.test(line))
    .flatMap((line) =>
      line
        .replace(/^\s*\([^)]*\)/, '')
        .trim()
        .split(/\s+/)
        .map(Number),
    );
}

const size = async (folder: string) => (await stat(join(folder, 'out.bp/data.0'))).size;

const exact = grid((x, y, z) => Math.fround(2 * wave(x, y, z, 1)));
const worst = (decoded: number[]): number => Math.max(...exact.map((v, i) => Math.abs(v - decoded[i]!)));

describe.skipIf(!ROOT)(
  'ADIOS2 operator plugin (skipped without GAUSSITU_ADIOS2_ROOT: make test-adios2)',
  () => {
    it('bpls, which knows nothing of us, reads what it wrote within the bound', async () => {
      const { file, written, folder } = await writeBp({ accuracy: '0.01' });
      succeeded(written);
      const decoded = await values(file);
      expect(decoded).toHaveLength(exact.length);
      expect(worst(decoded)).toBeLessThanOrEqual(0.01);
      expect(worst(decoded)).toBeGreaterThan(0);
      const wide = await writeBp({ accuracy: '0' });
      expect(worst(await values(wide.file))).toBe(0);
      expect(await size(folder.outside)).toBeLessThan(await size(wide.folder.outside));
    });

    it('a memory selection, of which BP5 hands an operator nothing, is refused by name', async () => {
      const { written } = await writeBp({ accuracy: '0.01' }, 'u');
      expect(written.code).not.toBe(0);
      expect(written.stderr).toMatch(/memory selection/);
    });

    it('says what it needs', async () => {
      const { written } = await writeBp({});
      expect(written.code).not.toBe(0);
      expect(written.stderr).toMatch(/expected the parameter accuracy .* or rel/);
    });
  },
);

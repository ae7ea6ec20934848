import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, describe, expect, it } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'gaussitu-render-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function gaussitu(...args: string[]) {
  return spawnSync('node', ['--import', 'tsx', 'src/cli/main.ts', ...args], { encoding: 'utf8' });
}

/** Fractions of the pixels that are not white, per quadrant: top left, top right, bottom left, bottom right. */
async function ink(path: string): Promise<number[]> {
  const { data, info } = await sharp(path).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  const counts = [0, 0, 0, 0];
  for (let at = 0; at < data.length; at += 3) {
    const pixel = at / 3;
    const right = pixel % info.width >= info.width / 2 ? 1 : 0;
    const low = Math.floor(pixel / info.width) >= info.height / 2 ? 2 : 0;
    if (data[at]! < 250 || data[at + 1]! < 250 || data[at + 2]! < 250) counts[right + low]!++;
  }
  return counts.map((count) => count / (data.length / 12));
}

describe('gaussitu render', () => {
  const n = 24;
  const input = join(folder, 'input');
  const run = join(folder, 'run');

  it('replays what is to be drawn', () => {
    const values = Float32Array.from({ length: n ** 3 }, (_, at) => {
      const [i, j, k] = [at % n, Math.floor(at / n) % n, Math.floor(at / n ** 2)];
      return Math.exp(-((i - 8) ** 2 + (j - 12) ** 2 + (k - 12) ** 2) / 20) + 0.1 * Math.sin(i / 3);
    });
    const meta = {
      case: 'bump',
      kind: 'uniform grid',
      dims: [n, n, n],
      origin: [0, 0, 0],
      spacing: [1, 1, 1],
      dtype: '<f4',
      fields: ['u'],
      steps: 1,
      times: [0.5],
      file_pattern: '<field>_<step:03d>.f32',
      association: 'point',
    };
    spawnSync('mkdir', ['-p', input]);
    writeFileSync(join(input, 'meta.json'), JSON.stringify(meta));
    writeFileSync(join(input, 'u_000.f32'), new Uint8Array(values.buffer));
    expect(gaussitu('replay', input, '--out', run, '--ratio', '20')).toMatchObject({ status: 0 });
  });

  const draw = (...args: string[]) => gaussitu('render', run, '-o', join(folder, 'x.png'), ...args);

  it('draws slice and volume; with the original also original and error', async () => {
    const [two, four] = [join(folder, 'two.png'), join(folder, 'four.png')];
    const base = ['render', run, '--field', 'u', '--step', '0', '--size', '800', '--slice', 'x=8'];
    expect(gaussitu(...base, '-o', two)).toMatchObject({ status: 0, stderr: '' });
    expect(gaussitu(...base, '--against', input, '-o', four)).toMatchObject({ status: 0, stderr: '' });
    const [sizeTwo, sizeFour] = await Promise.all([sharp(two).metadata(), sharp(four).metadata()]);
    expect([sizeTwo.width, sizeFour.width]).toEqual([800, 800]);
    expect(sizeFour.height).toBeGreaterThan(1.5 * sizeTwo.height);
    for (const quadrant of await ink(four)) expect(quadrant).toBeGreaterThan(0.05);
  });

  it('says what there is when asked for something else', () => {
    const missing = draw('--field', 'w', '--step', '0');
    expect([missing.status, missing.stderr]).toEqual([
      1,
      expect.stringMatching(/field w.*one of u.*NOT_FOUND/),
    ]);
    const late = draw('--field', 'u', '--step', '7');
    expect([late.status, late.stderr]).toEqual([1, expect.stringMatching(/step 7.*NOT_FOUND/)]);
    const outside = draw('--field', 'u', '--step', '0', '--slice', 'z=24');
    expect([outside.status, outside.stderr]).toEqual([2, expect.stringMatching(/nodes 0\.\.23/)]);
  });

  const data = process.env['GAUSSITU_DATA'];
  it.skipIf(!data)('draws an unstructured mesh through its model, white outside the domain', async () => {
    const disk = join(data!, 'vtk_disk_out_ref');
    const out = join(folder, 'disk');
    const png = join(folder, 'disk.png');
    expect(gaussitu('replay', disk, '--out', out, '--fields', 'Temp', '--ratio', '8')).toMatchObject({
      status: 0,
    });
    const args = ['--field', 'Temp', '--step', '0', '--against', disk, '--size', '800'];
    expect(gaussitu('render', out, ...args, '-o', png)).toMatchObject({ status: 0, stderr: '' });
    for (const quadrant of await ink(png)) expect(quadrant).toBeGreaterThan(0.05);
  });
});

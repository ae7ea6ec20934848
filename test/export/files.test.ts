import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { readPoints, writeField, type ExportField } from '../../src/export/index.js';
import { encodeNpy } from '../../src/export/npy.js';
import { openInput } from '../../src/replay/index.js';
import { temporaryFolder } from '../archive/helpers.js';
import { gridValues } from './helpers.js';

const run = promisify(execFile);
const PYTHON = '/usr/bin/python3';

describe('files', () => {
  const field: ExportField = {
    name: 'u',
    step: 3,
    time: 1.5,
    units: 'm/s',
    association: 'node',
    dtype: 'f32',
    data: new Uint8Array(gridValues([0, 0, 0], [4, 3, 2]).buffer),
    shape: [2, 3, 4],
    lattice: { dims: [4, 3, 2], origin: [1, 2, 3], spacing: [0.5, 1, 2] },
  };

  test('.npy and bare numbers are what numpy reads', async () => {
    const folder = await temporaryFolder();
    for (const ext of ['npy', 'f32', 'f64']) await writeField(join(folder, `u.${ext}`), field);
    const script = `
import numpy as np, sys, os
os.chdir(sys.argv[1])
a = np.load('u.npy')
z, y, x = np.meshgrid(range(2), range(3), range(4), indexing='ij')
assert a.shape == (2, 3, 4) and a.dtype == np.dtype('<f4') and (a == x + 10*y + 100*z).all()
assert (np.fromfile('u.f32', '<f4') == a.ravel()).all() and (np.fromfile('u.f64', '<f8') == a.ravel()).all()
np.save('points.npy', np.arange(6.).reshape(2, 3)); np.save('bad.npy', np.arange(6.).reshape(3, 2))`;
    await run(PYTHON, ['-c', script, folder]);
    expect([...(await readPoints(join(folder, 'points.npy')))]).toEqual([0, 1, 2, 3, 4, 5]);
    await expect(readPoints(join(folder, 'bad.npy'))).rejects.toThrow(/expected \(n, 3\), received \(3, 2\)/);
  });

  test('points come from csv, f32 and f64, too, and bad ones are named by line', async () => {
    const folder = await temporaryFolder();
    const csv = join(folder, 'p.csv');
    await writeFile(csv, 'x,y,z\n1,2,3\n\n4, 5e-1, -6\n');
    expect([...(await readPoints(csv))]).toEqual([1, 2, 3, 4, 0.5, -6]);
    await writeFile(csv, 'x,y,z\n1,2,3\n4,5\n');
    await expect(readPoints(csv)).rejects.toThrow(/line 3: expected x,y,z, received 4,5/);
    await writeFile(join(folder, 'p.f32'), Float32Array.of(1, 2, 3));
    expect([...(await readPoints(join(folder, 'p.f32')))]).toEqual([1, 2, 3]);
    await writeFile(join(folder, 'p.f64'), Buffer.alloc(15));
    await expect(readPoints(join(folder, 'p.f64'))).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    await writeFile(join(folder, 'cut.npy'), encodeNpy(new Uint8Array(24), 'f64', [1, 3]).subarray(0, -1));
    await expect(readPoints(join(folder, 'cut.npy'))).rejects.toThrow(/cut off/);
  });

  test('.h5 is an input of replay again', async () => {
    const path = join(await temporaryFolder(), 'u.h5');
    await writeField(path, field);
    const input = await openInput(path);
    expect([input.steps, input.time(3)]).toEqual([[3], 1.5]);
    expect(input.fields).toMatchObject([{ name: 'u', units: 'm/s', dtype: 'f32' }]);
    expect((await input.mesh('mesh', 3))[0]?.mesh).toEqual({ kind: 'uniform', ...field.lattice });
    expect(Buffer.from((await input.readField(3, 'u'))[0]!.data).equals(field.data)).toBe(true);
    input.close();
  });

  test('an extension that is not known is refused', async () => {
    await expect(writeField('u.vtk', field)).rejects.toThrow(
      /\.f32, \.f64, \.npy, \.h5, \.vtkhdf, received u\.vtk/,
    );
  });
});

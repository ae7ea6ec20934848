import { execFile, execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { openArchive, openArchiveWriter } from '../../src/archive/index.js';
import { createCodec } from '../../src/codec/index.js';
import { decodeField, writeField } from '../../src/export/index.js';
import type { Mesh } from '../../src/protocol/mesh.js';
import { openInput } from '../../src/replay/index.js';
import { OPTIONS, temporaryFolder } from '../archive/helpers.js';
import { decomposed, lossless } from './helpers.js';

const run = promisify(execFile);
const PYTHON = '/usr/bin/python3';
/** Version of VTK's Python module, 0 when there is none. */
const vtkVersion = ((): number => {
  try {
    const script = 'import vtk; print(vtk.vtkVersion().GetVTKVersion())';
    return Number.parseFloat(execFileSync(PYTHON, ['-c', script], { stdio: 'pipe' }).toString());
  } catch {
    return 0;
  }
})();

const TETS: Mesh = {
  kind: 'unstructured',
  points: Float32Array.of(0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 1, 1),
  connectivity: Int32Array.of(0, 1, 2, 3, 1, 2, 3, 4),
  offsets: Int32Array.of(0, 4, 8),
  types: Uint8Array.of(10, 10),
};
const MESHES: { mesh: Mesh; association: 'node' | 'cell'; type: string; points: number; cells: number }[] = [
  {
    mesh: { kind: 'uniform', dims: [3, 2, 2], origin: [1, 0, 0], spacing: [2, 1, 1] },
    association: 'node',
    type: 'vtkImageData',
    points: 12,
    cells: 2,
  },
  {
    mesh: { kind: 'uniform', dims: [3, 2, 2], origin: [1, 0, 0], spacing: [2, 1, 1] },
    association: 'cell',
    type: 'vtkImageData',
    points: 12,
    cells: 2,
  },
  {
    mesh: { kind: 'uniform', dims: [3, 3, 1], origin: [1, 0, 0], spacing: [2, 1, 1] },
    association: 'cell',
    type: 'vtkImageData',
    points: 9,
    cells: 4,
  },
  {
    mesh: {
      kind: 'rectilinear',
      dims: [3, 2, 1],
      x: Float64Array.of(1, 2, 5),
      y: Float64Array.of(0, 1),
      z: Float64Array.of(0),
    },
    association: 'node',
    type: 'vtkUnstructuredGrid',
    points: 6,
    cells: 2,
  },
  {
    mesh: {
      kind: 'curvilinear',
      dims: [2, 2, 2],
      points: Float32Array.from({ length: 24 }, (_, i) => 1 + ((i * 7) % 5)),
    },
    association: 'cell',
    type: 'vtkUnstructuredGrid',
    points: 8,
    cells: 1,
  },
  { mesh: TETS, association: 'node', type: 'vtkUnstructuredGrid', points: 5, cells: 2 },
  { mesh: TETS, association: 'cell', type: 'vtkUnstructuredGrid', points: 5, cells: 2 },
  {
    mesh: { kind: 'points', points: Float64Array.of(1, 2, 3, 4, 5, 6) },
    association: 'node',
    type: 'vtkUnstructuredGrid',
    points: 2,
    cells: 2,
  },
];

async function exported(
  { mesh, association, points, cells }: (typeof MESHES)[number],
  path: string,
): Promise<Float32Array> {
  const folder = await temporaryFolder();
  const writer = await openArchiveWriter(folder, OPTIONS);
  const values = Float32Array.from({ length: association === 'node' ? points : cells }, (_, i) => i + 0.5);
  await writer.writeMesh({ name: 'mesh', block: 0, mesh });
  await writer.commitStep({ step: 0, time: 2.5, fields: [lossless(values, { association })] });
  await writer.close(true);
  const archive = await openArchive(folder);
  await writeField(path, await decodeField(archive, createCodec(), await archive.readStep(0), 'u'));
  return values;
}

describe('.vtkhdf', () => {
  test('of every mesh is read back by our own reader', async () => {
    for (const [i, wanted] of MESHES.entries()) {
      const path = join(await temporaryFolder(), `${i}.vtkhdf`);
      const values = await exported(wanted, path);
      const input = await openInput(path);
      const [block] = await input.readField(0, 'u');
      expect(block?.association).toBe(wanted.association);
      expect([...new Float32Array(new Uint8Array(block!.data).buffer)]).toEqual([...values]);
      const mesh = (await input.mesh('mesh', 0))[0]?.mesh;
      expect(mesh?.kind).toBe(wanted.type === 'vtkImageData' ? 'uniform' : 'unstructured');
      expect(mesh).toMatchObject(wanted.mesh.kind === 'uniform' ? wanted.mesh : {});
      input.close();
    }
  });

  test.skipIf(vtkVersion === 0)("of every mesh opens in VTK (ParaView's reader)", async () => {
    for (const [i, wanted] of MESHES.entries()) {
      // VTK 9.1 reads cell data of images by the extent of the points; 9.2 (ParaView 5.11) is right.
      if (wanted.type === 'vtkImageData' && wanted.association === 'cell' && vtkVersion < 9.2) continue;
      const path = join(await temporaryFolder(), `${i}.vtkhdf`);
      await exported(wanted, path);
      const script = `
import json, sys, vtk
r = vtk.vtkHDFReader(); r.SetFileName(sys.argv[1])
assert r.CanReadFile(sys.argv[1])
r.Update(); o = r.GetOutputDataObject(0)
d = o.GetPointData() if sys.argv[2] == 'node' else o.GetCellData()
a = d.GetArray('u')
print(json.dumps([o.GetClassName(), o.GetNumberOfPoints(), o.GetNumberOfCells(), [a.GetValue(i) for i in range(a.GetNumberOfValues())], o.GetBounds()[0]]))`;
      const { stdout, stderr } = await run(PYTHON, ['-c', script, path, wanted.association]);
      expect(stderr).not.toMatch(/ERR/);
      const count = wanted.association === 'node' ? wanted.points : wanted.cells;
      const first = wanted.mesh === TETS ? 0 : 1;
      expect(JSON.parse(stdout)).toEqual([
        wanted.type,
        wanted.points,
        wanted.cells,
        Array.from({ length: count }, (_, k) => k + 0.5),
        first,
      ]);
    }
  });

  test('a mesh that was not kept is named', async () => {
    const { archive, step } = await decomposed(true);
    const { blocks: _, lattice: __, ...bare } = await decodeField(archive, createCodec(), step, 'u');
    expect((await readFile(join(archive.path, 'run.json'), 'utf8')).length).toBeGreaterThan(100);
    await expect(writeField(join(archive.path, 'u.vtkhdf'), bare)).rejects.toThrow(/--mesh none/);
  });
});

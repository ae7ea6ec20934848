import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openArchive, openArchiveWriter } from '../../src/archive/index.js';
import type { Mesh, MeshBlock } from '../../src/protocol/mesh.js';
import { OPTIONS, record, temporaryFolder } from './helpers.js';

const MESHES: Mesh[] = [
  { kind: 'uniform', dims: [4, 3, 2], origin: [0.1, -2, 3e-9], spacing: [0.1, 1 / 3, 1] },
  {
    kind: 'rectilinear',
    dims: [3, 2, 1],
    x: Float32Array.of(0, 1, 4),
    y: Float32Array.of(0, 2),
    z: Float32Array.of(7),
  },
  { kind: 'curvilinear', dims: [2, 2, 1], points: Float64Array.from({ length: 12 }, (_, i) => i / 7) },
  {
    kind: 'unstructured',
    points: Float32Array.from({ length: 15 }, (_, i) => i / 3),
    connectivity: Int32Array.of(0, 1, 2, 3, 1, 2, 3, 4),
    offsets: Int32Array.of(0, 4, 8),
    types: Uint8Array.of(10, 10),
  },
  {
    kind: 'unstructured',
    points: Float64Array.from({ length: 3000 }, (_, i) => Math.sin(i)),
    connectivity: BigInt64Array.from({ length: 4000 }, (_, i) => BigInt(i % 1000)),
    offsets: BigInt64Array.from({ length: 1001 }, (_, i) => BigInt(i * 4)),
    types: new Uint8Array(1000).fill(10),
  },
  { kind: 'points', points: Float32Array.of(1, 2, 3, 4, 5, 6) },
];

function shifted(shift: number): MeshBlock {
  return { name: 'm', block: 0, mesh: { kind: 'points', points: Float64Array.of(shift, 0, 0) } };
}

describe('meshes', () => {
  test('of every kind come back as they were', async () => {
    const folder = await temporaryFolder();
    const writer = await openArchiveWriter(folder, OPTIONS);
    const blocks = MESHES.map((mesh, block): MeshBlock => ({
      name: 'any',
      block,
      mesh,
      ...('dims' in mesh ? { ghost: [1, 0, 0, 1, 0, 0], start: [-1, 0, 5], global: [100, 3, 20] } : {}),
    }));
    for (const block of blocks) await writer.writeMesh(block);
    await writer.commitStep({ step: 0, time: 0, fields: [record('u')] });
    await writer.close(true);
    const reader = await openArchive(folder);
    for (const block of blocks) expect(await reader.readMesh('any', block.block, 0)).toEqual(block);
    expect(await reader.readMesh('any', 99, 0)).toBeUndefined();
    expect(await reader.readMesh('other', 0, 0)).toBeUndefined();
    expect(await reader.meshBytes()).toBeGreaterThan(0);
    expect(await reader.meshRawBytes('any', 0)).toBeGreaterThan(3000 * 8 + 5000 * 8);
  });

  test('are stored once per version, and each step finds its own', async () => {
    const folder = await temporaryFolder();
    let writer = await openArchiveWriter(folder, OPTIONS);
    await writer.writeMesh(shifted(1));
    await writer.commitStep({ step: 0, time: 0, fields: [record('u')] });
    await writer.writeMesh(shifted(1));
    await writer.commitStep({ step: 1, time: 0, fields: [record('u')] });
    await writer.writeMesh(shifted(2));
    await writer.commitStep({ step: 2, time: 0, fields: [record('u')] });
    await writer.close(false);
    writer = await openArchiveWriter(folder, OPTIONS);
    await writer.writeMesh(shifted(2));
    await writer.writeMesh(shifted(3));
    await writer.commitStep({ step: 5, time: 0, fields: [record('u')] });
    await writer.close(true);
    expect((await readdir(folder)).filter((f) => f.startsWith('mesh'))).toHaveLength(3);
    const reader = await openArchive(folder);
    const at = (step: number) => reader.readMesh('m', 0, step);
    expect([await at(0), await at(1), await at(2), await at(5)]).toEqual([1, 1, 2, 3].map(shifted));
  });

  test("with 'none' only grids that are few numbers are kept", async () => {
    const folder = await temporaryFolder();
    const writer = await openArchiveWriter(folder, { ...OPTIONS, mesh: 'none' });
    for (const [block, mesh] of MESHES.entries()) await writer.writeMesh({ name: 'any', block, mesh });
    await writer.commitStep({ step: 0, time: 0, fields: [record('u')] });
    await writer.close(true);
    const reader = await openArchive(folder);
    const kept = await Promise.all(MESHES.map((_, block) => reader.readMesh('any', block, 0)));
    expect(kept.map((m) => m?.mesh.kind)).toEqual([
      'uniform',
      'rectilinear',
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });

  test('that are damaged or gone are named', async () => {
    const folder = await temporaryFolder();
    const writer = await openArchiveWriter(folder, OPTIONS);
    await writer.writeMesh({ name: 'm', block: 0, mesh: MESHES[4]! });
    await writer.commitStep({ step: 0, time: 0, fields: [record('u')] });
    await writer.close(true);
    const path = join(folder, 'mesh_000001.h5');
    const whole = await readFile(path);
    await writeFile(path, whole.subarray(0, whole.length - 100));
    const reader = await openArchive(folder);
    await expect(reader.readMesh('m', 0, 0)).rejects.toThrow(/mesh_000001\.h5 is damaged/);
  });
});

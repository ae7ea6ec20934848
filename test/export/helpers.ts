import { crc32, deflateSync } from 'node:zlib';
import { createCodec } from '../../src/codec/index.js';
import { openArchive, openArchiveWriter, type FieldRecord } from '../../src/archive/index.js';
import type { Mesh, MeshBlock, Triple } from '../../src/protocol/mesh.js';
import { OPTIONS, certificate, record, temporaryFolder } from '../archive/helpers.js';

/** A field stored bit for bit, with its true certificate. */
export function lossless(values: Float32Array, extra: Partial<FieldRecord> = {}): FieldRecord {
  const raw = new Uint8Array(values.buffer);
  const finite = values.filter(Number.isFinite);
  return record('u', 0, {
    kind: 'lossless',
    payload: deflateSync(raw),
    certificate: certificate({
      values: values.length,
      nonFinite: values.length - finite.length,
      rawBytes: raw.length,
      crc: crc32(raw),
      rmse: 0,
      maxError: 0,
      psnr: Infinity,
      valueMin: Math.min(...finite),
      valueMax: Math.max(...finite),
    }),
    ...extra,
  });
}

/** x + 10 y + 100 z at index (x, y, z) of the whole grid. */
export const at = (x: number, y: number, z: number): number => x + 10 * y + 100 * z;

export function gridValues(lo: Triple, dims: Triple): Float32Array {
  const out: number[] = [];
  for (let z = 0; z < dims[2]; z++)
    for (let y = 0; y < dims[1]; y++)
      for (let x = 0; x < dims[0]; x++) out.push(at(x + lo[0], y + lo[1], z + lo[2]));
  return Float32Array.from(out);
}

/** A run of a grid of 6 x 4 x 3 nodes in two blocks with ghost layers. */
export async function decomposed(withIndex: boolean, association: 'node' | 'cell' = 'node') {
  const folder = await temporaryFolder();
  const writer = await openArchiveWriter(folder, OPTIONS);
  const cell = association === 'cell' ? 1 : 0;
  const records: FieldRecord[] = [];
  // 6 x 4 x 3 nodes, cut in x into 4 + 2 nodes; one ghost layer of nodes on each inner side.
  for (const [block, [lo, nx, ghost]] of (
    [
      [0, 4, [0, 1, 0, 0, 0, 0]],
      [4, 2, [1, 0, 0, 0, 0, 0]],
    ] as const
  ).entries()) {
    const start: Triple = [lo - ghost[0], 0, 0];
    const mesh: MeshBlock = {
      name: 'mesh',
      block,
      mesh: {
        kind: 'uniform',
        dims: [nx + 1, 4, 3],
        origin: [10 + start[0] * 0.5, 0, 0],
        spacing: [0.5, 1, 2],
      },
      ghost,
      ...(withIndex ? { start, global: [6, 4, 3] } : {}),
    };
    await writer.writeMesh(mesh);
    records.push(
      lossless(gridValues([lo, 0, 0], [nx - (block === 0 ? 0 : cell), 4 - cell, 3 - cell]), {
        block,
        association,
      }),
    );
  }
  await writer.commitStep({ step: 0, time: 0.5, fields: records });
  await writer.close(true);
  const archive = await openArchive(folder);
  return { folder, archive, step: await archive.readStep(0) };
}

export const wave = (x: number, y: number, z: number): number =>
  Math.sin(x / 3) + Math.cos(y / 4) * Math.sin(z / 5);

export const MODELLED: Triple = [20, 16, 12];

/** A run of one step of the wave on a grid of MODELLED nodes, as models of blocks that begin at `lo` along x. */
export async function modelled(blocks: { lo: number; nx: number }[]) {
  const folder = await temporaryFolder();
  const codec = createCodec();
  const writer = await openArchiveWriter(folder, { ...OPTIONS, mesh: 'none' });
  const fields: FieldRecord[] = [];
  for (const [block, { lo, nx }] of blocks.entries()) {
    const values = Float32Array.from({ length: nx * MODELLED[1] * MODELLED[2] }, (_, i) =>
      wave((i % nx) + lo, Math.floor(i / nx) % MODELLED[1], Math.floor(i / nx / MODELLED[1])),
    );
    const mesh: Mesh = {
      kind: 'uniform',
      dims: [nx, MODELLED[1], MODELLED[2]],
      origin: [lo, 0, 0],
      spacing: [1, 1, 1],
    };
    await writer.writeMesh({ name: 'mesh', block, mesh });
    const data = new Uint8Array(values.buffer);
    const { payload, metrics, ...rest } = await codec.encode({
      mesh,
      association: 'node',
      dtype: 'f32',
      data,
      target: { bytes: 1500 },
      iterations: 15,
    });
    fields.push(
      record('u', block, {
        payload,
        certificate: { target: null, ...metrics, rawBytes: data.length, ...rest },
      }),
    );
  }
  await writer.commitStep({ step: 0, time: 0, fields });
  await writer.close(true);
  const archive = await openArchive(folder);
  return { codec, archive, step: await archive.readStep(0) };
}

import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { openArchive } from '../../src/archive/index.js';
import { createCodec } from '../../src/codec/index.js';
import { BlockDecoder } from '../../src/export/index.js';
import { TestRank } from '../support/client.js';
import { ServiceProcess } from '../support/service.js';

const data = process.env['GAUSSITU_DATA'];
const folders: string[] = [];
afterAll(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

/** Skips visibly without GAUSSITU_DATA. */
describe.skipIf(!data)('gaussitu serve with real simulation data', () => {
  test('OpenFOAM channel flow, unstructured cells: a vector over three steps within 3 % of its ratio', async () => {
    const source = join(data ?? '', 'openfoam_channel395');
    const read = (name: string): Promise<Buffer> => readFile(join(source, name));
    const run = await mkdtemp(join(tmpdir(), 'gaussitu-real-'));
    folders.push(run);
    const { service, endpoint } = await ServiceProcess.listen(['--out', run, '--ratio', '40', '--once']);
    const client = new TestRank(endpoint, 'channel');
    client.patience = 400_000;
    await client.hello();
    const arrays = await Promise.all(
      [
        ['points', 'points.f32', 'f32'],
        ['connectivity', 'connectivity.i32', 'i32'],
        ['offsets', 'offsets.i32', 'i32'],
        ['types', 'cell_types.u8', 'u8'],
      ].map(async ([name, file, dtype]) => {
        const bytes = await read(file ?? '');
        const count = bytes.length / (dtype === 'u8' ? 1 : 4);
        return { bytes, header: { name, dtype, shape: name === 'points' ? [count / 3, 3] : [count] } };
      }),
    );
    await client.send(
      { t: 'mesh', mesh: 'channel', block: 0, kind: 'unstructured', arrays: arrays.map((a) => a.header) },
      ...arrays.map((a) => a.bytes),
    );
    const steps = 3;
    for (let step = 0; step < steps; step++) {
      const file = (name: string): string => `${name}_${String(step).padStart(3, '0')}.f32`;
      const parts = (await Promise.all(['Ux', 'Uy', 'Uz'].map((name) => read(file(name))))).map(
        (bytes) => new Float32Array(new Uint8Array(bytes).buffer),
      );
      const cells = parts[0]!.length;
      const vector = Float32Array.from({ length: 3 * cells }, (_, i) => parts[i % 3]![Math.floor(i / 3)]!);
      await client.send({ t: 'begin', step, time: 8 + 0.2 * step });
      await client.field(step, 'U', vector, {
        mesh: 'channel',
        assoc: 'cell',
        shape: [cells, 3],
        units: 'm/s',
      });
      await client.send({ t: 'end', step, fields: 1 });
    }
    for (let step = 0; step < steps; step++) await client.ack(step);
    await client.send({ t: 'bye' });
    expect(await service.exited).toBe(0);
    await client.close();

    const reader = await openArchive(run);
    const decoder = new BlockDecoder(reader, createCodec());
    const mesh = (await reader.readMesh('channel', 0, 0))!;
    for (const step of await reader.steps()) {
      const { fields } = await reader.readStep(step);
      expect(fields.map((field) => field.name)).toEqual(['U_x', 'U_y', 'U_z']);
      const ux = fields[0]!;
      expect(ux.certificate.start).toBe(step === 0 ? 'cold' : 'warm');
      const data = await decoder.decode(step, ux, mesh);
      const values = new Float32Array(data.slice().buffer);
      const original = new Float32Array(
        new Uint8Array(await read(`Ux_${String(step).padStart(3, '0')}.f32`)).buffer,
      );
      const squares = original.reduce((sum, value, i) => sum + (value - values[i]!) ** 2, 0);
      expect(Math.sqrt(squares / original.length)).toBeCloseTo(ux.certificate.rmse, 5);
      expect(ux.certificate.psnr).toBeGreaterThan(22);
    }
    let bytes = 0;
    for (const name of await readdir(run)) {
      if (!name.startsWith('mesh_')) bytes += (await readFile(join(run, name))).length;
    }
    const ratio = (steps * 3 * 60_000 * 4) / bytes;
    expect(ratio).toBeGreaterThan(0.97 * 40);
    expect(ratio).toBeLessThan(1.03 * 40);
  }, 500_000);
});

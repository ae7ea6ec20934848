import { execFile } from 'node:child_process';
import { chmod, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { openArchive, openArchiveWriter, stepOverhead } from '../../src/archive/index.js';
import { OPTIONS, certificate, noise, record, temporaryFolder } from './helpers.js';

const run = promisify(execFile);

describe('a run folder', () => {
  test('gives back every record as it was put in', async () => {
    const folder = await temporaryFolder();
    const writer = await openArchiveWriter(folder, OPTIONS);
    const fields = [
      record('u'),
      record('u', 1, {
        payload: noise(50_000, 7),
        certificate: certificate({ start: 'warm', psnr: Infinity }),
      }),
      record('T', 0, {
        kind: 'constant',
        payload: new Uint8Array(),
        units: undefined,
        certificate: certificate({ target: null, rmse: Number.NaN }),
      }),
      record('ids/µ.%2F', 0, { kind: 'lossless', dtype: 'i64', association: 'cell', units: 'µm' }),
      record('.', 3, { mesh: 'other' }),
    ];
    const summary = await writer.commitStep({ step: 7, time: 0.125, fields });
    expect(summary.fields.map((f) => f.field).sort()).toEqual(['.', 'T', 'ids/µ.%2F', 'u']);
    await writer.close(true);

    const reader = await openArchive(folder);
    expect(reader.info).toEqual(OPTIONS.info);
    expect(reader.settings).toEqual(OPTIONS.settings);
    expect(reader.finished).toBe(true);
    expect(await reader.steps()).toEqual([7]);
    const entry = await reader.readStep(7);
    expect(entry).toMatchObject({ step: 7, time: 0.125, fileBytes: summary.storedBytes });
    for (const field of fields) {
      const { storedBytes, ...back } = entry.fields.find(
        (f) => f.name === field.name && f.block === field.block,
      )!;
      const { units, ...rest } = field;
      expect(back).toEqual({ ...rest, ...(units === undefined ? {} : { units }), payload: back.payload });
      expect(Buffer.from(back.payload).equals(field.payload)).toBe(true);
      expect(storedBytes).toBeGreaterThan(field.payload.length);
    }
    expect(entry.fields.reduce((sum, f) => sum + f.storedBytes, 0)).toBe(entry.fileBytes);
    await expect(reader.readStep(8)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test('adds little to the payloads', async () => {
    const folder = await temporaryFolder();
    const writer = await openArchiveWriter(folder, OPTIONS);
    const table: string[] = [];
    for (const [fields, blocks] of [
      [1, 1],
      [2, 1],
      [3, 1],
      [8, 1],
      [9, 1],
      [16, 1],
      [64, 1],
      [1, 8],
      [2, 64],
    ] as const) {
      const records = Array.from({ length: fields * blocks }, (_, i) =>
        record(`field${Math.floor(i / blocks)}`, i % blocks, {
          certificate: certificate({
            rmse: 0.0123 / (i + 3),
            maxError: 1.1 / (i + 7),
            psnr: 400 / (i + 9),
            valueMin: -3 / (i + 7),
            crc: 4e9 + i,
          }),
        }),
      );
      const guess = stepOverhead(fields, records.length);
      const step = writer.lastStep + 1;
      const { storedBytes } = await writer.commitStep({ step, time: step, fields: records });
      const overhead = storedBytes - 1000 * records.length;
      expect(overhead).toBeLessThanOrEqual(1200 + 850 * (records.length - 1) + (fields > 8 ? 1500 : 0));
      expect(overhead).toBeLessThanOrEqual(1200 * fields + (blocks > 1 ? 260 * records.length : 1500));
      // Rate control has only this to go by in the first two steps.
      expect(Math.abs(overhead / guess - 1)).toBeLessThan(blocks > 1 ? 0.4 : fields > 8 ? 0.2 : 0.06);
      expect(writer.overheadBytes(fields, records.length)).toBe(overhead);
      table.push(`${fields} fields of ${blocks} blocks: ${overhead} bytes`);
    }
    console.log(table.join('\n'));
    // Nothing is forgotten: the totals of all fields are the bytes on disk.
    let stored = 0;
    for (let i = 0; i < 64; i++) stored += writer.totals(`field${i}`).stored;
    let disk = 0;
    for (const name of await readdir(folder))
      if (name !== 'writer.lock') disk += (await stat(join(folder, name))).size;
    expect(stored).toBeCloseTo(disk, 3);
    await writer.close(true);
  });

  test('is plain HDF5: h5py reads names, payloads and certificates', async () => {
    const folder = await temporaryFolder();
    const writer = await openArchiveWriter(folder, OPTIONS);
    await writer.writeMesh({
      name: 'mesh',
      block: 0,
      mesh: {
        kind: 'rectilinear',
        dims: [3, 2, 1],
        x: Float64Array.of(0, 1, 4),
        y: Float64Array.of(0, 2),
        z: Float64Array.of(0),
      },
    });
    await writer.commitStep({ step: 3, time: 1.5, fields: [record('u'), record('u', 1), record('p')] });
    await writer.close(true);
    const script = `
import h5py, json, sys
f = h5py.File(sys.argv[1] + '/step_000003.h5', 'r')
m = h5py.File(sys.argv[1] + '/mesh_000001.h5', 'r')
c = json.loads(f['u'].attrs['certificate'])
print(json.dumps({'names': list(f), 'step': int(f.attrs['step']), 'time': float(f.attrs['time']), 'format': f.attrs['format'].decode(),
  'u': [int(v) for v in f['u'][:4]], 'bytes': f['u'].shape[0], 'rows': c['rows'], 'psnr': c['psnr'], 'block': c['block'],
  'x': list(m['x'][:]), 'kind': m.attrs['kind'].decode()}))`;
    const { stdout } = await run('/usr/bin/python3', ['-c', script, folder]);
    expect(JSON.parse(stdout)).toEqual({
      names: ['p', 'u'],
      step: 3,
      time: 1.5,
      format: 'gaussitu-step',
      u: [...noise(4, 1)],
      bytes: 2000,
      rows: 2,
      psnr: 42.123456789,
      block: [0, 1],
      x: [0, 1, 4],
      kind: 'rectilinear',
    });
  });

  test('the reader that docs/format.md shows works', async () => {
    const folder = await temporaryFolder();
    const writer = await openArchiveWriter(join(folder, 'run'), OPTIONS);
    await writer.commitStep({ step: 3, time: 1.5, fields: [record('u'), record('u', 1), record('p')] });
    await writer.close(true);
    const page = await readFile(new URL('../../docs/format.md', import.meta.url), 'utf8');
    const script =
      /```python\n(import h5py, json, zlib[^]*?)```/.exec(page)?.[1] ?? 'raise SystemExit("no example")';
    const { stdout } = await run('/usr/bin/python3', ['-c', script], { cwd: folder });
    expect(stdout.trim().split('\n')).toEqual([
      'p 0 gaussian 1000 42.123456789',
      'u 0 gaussian 1000 42.123456789',
      'u 1 gaussian 1000 42.123456789',
    ]);
  });

  test('can be read while it is written', async () => {
    const folder = await temporaryFolder();
    const writer = await openArchiveWriter(folder, OPTIONS);
    const reader = await openArchive(folder);
    expect(await reader.steps()).toEqual([]);
    await writer.writeMesh({
      name: 'late',
      block: 0,
      mesh: { kind: 'uniform', dims: [2, 2, 2], origin: [0, 0, 0], spacing: [1, 1, 1] },
    });
    await writer.commitStep({ step: 0, time: 0, fields: [record('u')] });
    expect(await reader.steps()).toEqual([0]);
    expect((await reader.readMesh('late', 0, 0))?.mesh.kind).toBe('uniform');
    await writer.recordDropped(1, 'a rank died');
    await writer.close(false);
    await reader.steps();
    expect(reader.dropped).toEqual([{ step: 1, reason: 'a rank died' }]);
    expect(reader.finished).toBe(false);
  });

  test('refuses steps that go back', async () => {
    const writer = await openArchiveWriter(await temporaryFolder(), OPTIONS);
    await writer.commitStep({ step: 5, time: 0, fields: [record('u')] });
    await expect(writer.commitStep({ step: 5, time: 0, fields: [] })).rejects.toMatchObject({
      code: 'BAD_STEP',
    });
    await writer.commitStep({ step: 6, time: 0, fields: [] });
    await writer.close(true);
    await expect(writer.commitStep({ step: 7, time: 0, fields: [] })).rejects.toMatchObject({
      code: 'ARCHIVE_FAILED',
    });
  });
});

describe('going on after a crash', () => {
  test('a run is taken up after its last step, with payloads and totals', async () => {
    const folder = await temporaryFolder();
    const first = await openArchiveWriter(folder, OPTIONS);
    await first.commitStep({ step: 0, time: 0, fields: [record('u')] });
    await first.commitStep({ step: 1, time: 1, fields: [record('u', 0, { payload: noise(500, 9) })] });
    const totals = first.totals('u');
    await first.close(false);
    await writeFile(join(folder, 'step_000002.h5.tmp'), 'half a step');
    const second = await openArchiveWriter(folder, OPTIONS);
    expect(await readdir(folder)).not.toContain('step_000002.h5.tmp');
    expect(second.lastStep).toBe(1);
    expect(second.totals('u').raw).toBe(totals.raw);
    expect(Buffer.from((await second.previousModel('u', 'mesh', 0))!.payload).equals(noise(500, 9))).toBe(
      true,
    );
    expect(await second.previousModel('u', 'mesh', 1)).toBeUndefined();
    await second.commitStep({ step: 2, time: 2, fields: [record('u')] });
    await second.close(true);
    await expect(
      openArchiveWriter(folder, { ...OPTIONS, info: { ...OPTIONS.info, run: 'another' } }),
    ).rejects.toMatchObject({ code: 'ARCHIVE_BUSY' });
  });

  test('kill -9 at any moment loses no committed step and leaves no lock behind', async () => {
    const folder = await temporaryFolder();
    const script = `
      import { openArchiveWriter } from ${JSON.stringify(new URL('../../dist/archive/index.js', import.meta.url).href)};
      const writer = await openArchiveWriter(${JSON.stringify(folder)}, ${JSON.stringify(OPTIONS)});
      for (let step = writer.lastStep + 1; ; step++) {
        const fields = ['u', 'v'].map((name) => ({ ...${JSON.stringify(record('u', 0, { payload: new Uint8Array() }))}, name, payload: new Uint8Array(20000).fill(step) }));
        await writer.commitStep({ step, time: step, fields });
        process.stdout.write(step + '\\n');
      }`;
    let acknowledged = -1;
    for (let round = 0; round < 4; round++) {
      const child = execFile(process.execPath, ['--input-type=module', '-e', script]);
      const last = await new Promise<number>((resolve, reject) => {
        let text = '';
        let errors = '';
        child.stderr?.on('data', (chunk: string) => (errors += chunk));
        child.stdout?.on('data', (chunk: string) => {
          text += chunk;
          const steps = text.split('\n').length - 1;
          if (steps > 3 + round) setTimeout(() => child.kill('SIGKILL'), round * 3);
        });
        child.on('exit', () =>
          text ? resolve(Number(text.trim().split('\n').at(-1))) : reject(new Error(errors)),
        );
      });
      expect(last).toBeGreaterThan(acknowledged);
      acknowledged = last;
      const reader = await openArchive(folder);
      const steps = await reader.steps();
      expect(steps).toEqual(Array.from({ length: steps.length }, (_, i) => i));
      expect(steps.length).toBeGreaterThan(acknowledged);
      for (const step of steps) {
        for (const f of (await reader.readStep(step)).fields)
          expect(f.payload.every((b) => b === step % 256)).toBe(true);
      }
    }
  });
});

describe('a folder that cannot be had', () => {
  test('is refused while a live writer has it', async () => {
    const folder = await temporaryFolder();
    const writer = await openArchiveWriter(folder, OPTIONS);
    await expect(openArchiveWriter(folder, OPTIONS)).rejects.toMatchObject({ code: 'ARCHIVE_BUSY' });
    await writer.close(true);
    expect((await readdir(folder)).sort()).toEqual(['run.json']);
    await (await openArchiveWriter(folder, OPTIONS)).close(true);
  });

  test('is taken over from a dead writer, or one whose pid was given to someone else', async () => {
    const folder = await temporaryFolder();
    await (await openArchiveWriter(folder, OPTIONS)).close(false);
    const { hostname } = await import('node:os');
    for (const lock of [
      { pid: 2 ** 22 - 1, host: hostname(), started: '1', id: 'x' },
      { pid: process.pid, host: hostname(), started: '1', id: 'x' },
      'garbage',
    ]) {
      await writeFile(join(folder, 'writer.lock'), JSON.stringify(lock));
      await (await openArchiveWriter(folder, OPTIONS)).close(false);
    }
    await writeFile(
      join(folder, 'writer.lock'),
      JSON.stringify({ pid: 1, host: 'elsewhere', started: '1', id: 'x' }),
    );
    await expect(openArchiveWriter(folder, OPTIONS)).rejects.toThrow(/elsewhere.*remove writer.lock/);
  });

  test('is no folder, or not ours', async () => {
    const folder = await temporaryFolder();
    await expect(openArchive(folder)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await writeFile(join(folder, 'file'), '');
    await expect(openArchiveWriter(join(folder, 'file'), OPTIONS)).rejects.toMatchObject({
      code: 'ARCHIVE_FAILED',
    });
    await writeFile(join(folder, 'run.json'), '{"format":"other"}');
    await expect(openArchive(folder)).rejects.toMatchObject({ code: 'CORRUPT_STREAM' });
    await writeFile(join(folder, 'run.json'), '{"format":"gaussitu-run","version":2}');
    await expect(openArchive(folder)).rejects.toMatchObject({ code: 'UNSUPPORTED' });
  });

  test('vanishes in the middle: ARCHIVE_FAILED, nothing is acknowledged', async () => {
    const folder = await temporaryFolder();
    const writer = await openArchiveWriter(folder, OPTIONS);
    await writer.commitStep({ step: 0, time: 0, fields: [record('u')] });
    await rm(folder, { recursive: true });
    await expect(writer.commitStep({ step: 1, time: 0, fields: [record('u')] })).rejects.toMatchObject({
      code: 'ARCHIVE_FAILED',
    });
    expect(writer.lastStep).toBe(0);
  });

  test.skipIf(process.getuid?.() === 0)('is read-only', async () => {
    const folder = await temporaryFolder();
    await chmod(folder, 0o500);
    await expect(openArchiveWriter(folder, OPTIONS)).rejects.toMatchObject({ code: 'ARCHIVE_FAILED' });
  });
});

describe('a full disk', () => {
  test('fails the step with ARCHIVE_FAILED; the archive stays readable and a smaller step still works', async () => {
    const folder = await temporaryFolder();
    // A file size limit makes write(2) fail in the middle of a file as a full disk does.
    const script = `
      import { openArchiveWriter, openArchive } from ${JSON.stringify(new URL('../../dist/archive/index.js', import.meta.url).href)};
      process.on('SIGXFSZ', () => {});
      const writer = await openArchiveWriter(${JSON.stringify(folder)}, ${JSON.stringify(OPTIONS)});
      const step = (step, bytes) => writer.commitStep({ step, time: 0, fields: [{ ...${JSON.stringify(record('u', 0, { payload: new Uint8Array() }))}, payload: new Uint8Array(bytes).fill(3) }] });
      await step(0, 1000);
      const error = await step(1, 300000).then(() => undefined, (e) => e);
      const reader = await openArchive(${JSON.stringify(folder)});
      const between = await reader.steps();
      await step(1, 2000);
      await writer.close(true);
      console.log(JSON.stringify({ code: error?.code, message: error?.message, between, after: await reader.steps() }));`;
    const { stdout } = await run('bash', [
      '-c',
      'ulimit -f 100; exec "$0" "$@"',
      process.execPath,
      '--input-type=module',
      '-e',
      script,
    ]);
    expect(JSON.parse(stdout)).toMatchObject({ code: 'ARCHIVE_FAILED', between: [0], after: [0, 1] });
    expect((await readdir(folder)).sort()).toEqual(['run.json', 'step_000000.h5', 'step_000001.h5']);
    expect((await readFile(join(folder, 'step_000001.h5'))).length).toBeGreaterThan(2000);
  });
});

import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { openArchive, openArchiveWriter } from '../../src/archive/index.js';
import { decodeStep, encodeStep } from '../../src/archive/step_file.js';
import { GaussituError } from '../../src/errors.js';
import { OPTIONS, noise, record, temporaryFolder } from './helpers.js';

/** A deterministic random number generator (LCG), [0, n). */
function random(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

/** Decodes; a success must be the truth, a failure must be ours and name the file. */
async function survives(bytes: Uint8Array): Promise<'same' | 'refused'> {
  try {
    const entry = await decodeStep(bytes, 'the-file.h5');
    // Whatever checksums do not cover (padding, HDF5's own time stamps) may change, payloads may not.
    expect(entry.fields.map((f) => f.payload.length)).toEqual([300, 1000, 1000]);
    expect(Buffer.from(entry.fields[0]!.payload).equals(noise(300, 5))).toBe(true);
    return 'same';
  } catch (error) {
    const ours = error instanceof GaussituError && ['CORRUPT_STREAM', 'UNSUPPORTED'].includes(error.code);
    if (!ours || !error.message.includes('the-file.h5')) throw error;
    return 'refused';
  }
}

describe('damaged step files', () => {
  let original: Uint8Array;
  beforeAll(async () => {
    const fields = [record('u'), record('u', 1), record('p', 0, { payload: noise(300, 5) })];
    original = await encodeStep({ step: 0, time: 0, fields });
  });

  test('single bytes changed anywhere: refused, or without effect', async () => {
    const next = random(7);
    const seen = { same: 0, refused: 0 };
    for (let i = 0; i < 200; i++) {
      const bytes = Buffer.from(original);
      const at = next(bytes.length);
      bytes[at] = (bytes[at]! ^ (1 << next(8))) & 0xff;
      seen[await survives(bytes)]++;
    }
    expect(seen.refused).toBeGreaterThan(190);
  });

  test('cut, overwritten, shuffled, spliced: never a crash', async () => {
    const next = random(11);
    for (let i = 0; i < 200; i++) {
      let bytes = Buffer.from(original);
      const [from, length] = [next(bytes.length), next(200)];
      const kind = next(5);
      if (kind === 0) bytes = bytes.subarray(0, from);
      if (kind === 1) bytes.fill(next(256), from, Math.min(from + length, bytes.length));
      if (kind === 2) bytes.copy(bytes, next(bytes.length), from, from + length);
      if (kind === 3)
        bytes = Buffer.concat([bytes.subarray(0, from), noise(length, i), bytes.subarray(from)]);
      if (kind === 4) bytes.writeUInt32LE(next(2 ** 32), Math.min(from, bytes.length - 4));
      await survives(bytes);
    }
    expect(await survives(original)).toBe('same');
  });

  test('not ours at all', async () => {
    for (const bytes of [Buffer.alloc(0), Buffer.from('hello'), Buffer.alloc(5000), noise(5000)]) {
      expect(await survives(bytes)).toBe('refused');
    }
  });

  test('one damaged step does not take the others with it', async () => {
    const folder = await temporaryFolder();
    const writer = await openArchiveWriter(folder, OPTIONS);
    for (let step = 0; step < 3; step++) await writer.commitStep({ step, time: step, fields: [record('u')] });
    await writer.close(true);
    const path = join(folder, 'step_000001.h5');
    const bytes = await readFile(path);
    bytes[bytes.length - 10]! ^= 1;
    await writeFile(path, bytes);
    const reader = await openArchive(folder);
    await expect(reader.readStep(1)).rejects.toThrow(
      /step_000001\.h5 is damaged.*does not match its checksum/,
    );
    expect((await reader.readStep(2)).fields).toHaveLength(1);
    expect(await readdir(folder)).toHaveLength(4);
  });
});

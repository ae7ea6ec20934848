import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Certificate, FieldRecord } from '../../src/archive/index.js';

/** A folder that is gone after the test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'gaussitu-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export function certificate(extra: Partial<Certificate> = {}): Certificate {
  return {
    target: { ratio: 100 },
    valueMin: -3.123456001281738,
    valueMax: 4.234567165374756,
    rmse: 0.012345678901234,
    maxError: 0.12345678901234,
    psnr: 42.123456789,
    values: 1048576,
    nonFinite: 0,
    crc: 4012345678,
    rawBytes: 4194304,
    gaussians: 3900,
    iterations: 60,
    trainSeconds: 12.345,
    start: 'cold',
    ...extra,
  };
}

/** Bytes that do not compress, the same for the same seed. */
export function noise(bytes: number, seed = 1): Uint8Array {
  let state = seed >>> 0;
  return Uint8Array.from({ length: bytes }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  });
}

export function record(name: string, block = 0, extra: Partial<FieldRecord> = {}): FieldRecord {
  return {
    name,
    mesh: 'mesh',
    block,
    association: 'node',
    dtype: 'f32',
    units: 'm/s',
    kind: 'gaussian',
    payload: noise(1000, block + name.length),
    certificate: certificate(),
    ...extra,
  };
}

export const OPTIONS = {
  info: { run: 'a-run', ranks: 2, client: 'test', meta: { re: 395 }, targets: { '*': { ratio: 100 } } },
  mesh: 'store' as const,
  settings: { secondsPerStep: 0 },
};

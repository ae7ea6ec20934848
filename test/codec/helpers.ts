import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EncodeRequest } from '../../src/codec/types.js';
import type { Mesh, Triple } from '../../src/protocol/mesh.js';

export function wave(x: number, y: number, z: number): number {
  return Math.sin(0.5 * x + 0.2 * y) + 0.5 * Math.cos(0.4 * y - 0.3 * z) + 0.3 * Math.sin(0.35 * z);
}

export function gridPoints([nx, ny, nz]: Triple): Float64Array {
  const out = new Float64Array(3 * nx * ny * nz);
  let at = 0;
  for (let k = 0; k < nz; k++)
    for (let j = 0; j < ny; j++)
      for (let i = 0; i < nx; i++) {
        out[at++] = i;
        out[at++] = j;
        out[at++] = k;
      }
  return out;
}

/** The wave at points [n, 3]. */
export function waveAt(points: Float64Array | Float32Array): Float32Array {
  return Float32Array.from({ length: points.length / 3 }, (_, i) =>
    wave(points[3 * i] ?? 0, points[3 * i + 1] ?? 0, points[3 * i + 2] ?? 0),
  );
}

export function bytesOf(values: Float32Array | Float64Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

export const DIMS: Triple = [28, 20, 12];
export const uniform: Mesh = { kind: 'uniform', dims: DIMS, origin: [0, 0, 0], spacing: [1, 1, 1] };

/** A small field that encodes in well under a second. */
export function request(change: Partial<EncodeRequest> = {}): EncodeRequest {
  return {
    mesh: uniform,
    association: 'node',
    dtype: 'f32',
    data: bytesOf(waveAt(gridPoints(DIMS))),
    target: { bytes: 1500 },
    iterations: 8,
    ...change,
  };
}

/** Folder of a real data case, or undefined: such tests are skipped, visibly. */
export function dataCase(name: string): string | undefined {
  const root = process.env['GAUSSITU_DATA'];
  const folder = root ? join(root, name) : '';
  return folder && existsSync(folder) ? folder : undefined;
}

export function readF32(path: string): Uint8Array {
  return new Uint8Array(readFileSync(path));
}

import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Mesh, Triple } from '../../src/protocol/mesh.js';

/** A case of the benchmark data: a folder with a meta.json (docs/data.md). */
export interface Case {
  name: string;
  path: string;
  times: number[];
  dims?: Triple;
  origin?: Triple;
  spacing?: Triple;
  nodes?: number;
  cells?: number;
  /** Bytes of the mesh as VTK would store it with 32-bit indices: points, connectivity, offsets, types. */
  meshBytes: number;
}

interface Meta {
  case: string;
  times?: number[];
  dims?: Triple;
  origin?: Triple;
  spacing?: Triple;
  node_count?: number;
  cell_count?: number;
  vtk_connectivity_bytes?: Record<string, number>;
}

/** The data folder, or undefined after saying that this bench is skipped. */
export function dataFolder(): string | undefined {
  const folder = process.env['GAUSSITU_DATA'];
  if (!folder) console.log('_Skipped: GAUSSITU_DATA does not name the folder of benchmark data._\n');
  return folder || undefined;
}

export function openCase(folder: string, name: string): Case {
  const path = join(folder, name);
  const meta = JSON.parse(readFileSync(join(path, 'meta.json'), 'utf8')) as Meta;
  const indices = Object.entries(meta.vtk_connectivity_bytes ?? {}).find(([key]) => key.startsWith('int32'));
  const points = meta.vtk_connectivity_bytes?.['points float32'] ?? 0;
  return {
    name,
    path,
    times: meta.times ?? [],
    dims: meta.dims,
    origin: meta.origin,
    spacing: meta.spacing,
    nodes: meta.node_count,
    cells: meta.cell_count,
    meshBytes: (indices?.[1] ?? 0) + points,
  };
}

export function readFloats(path: string): Float32Array {
  const bytes = readFileSync(path);
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}

export function readField(from: Case, field: string, step: number): Float32Array {
  return readFloats(join(from.path, `${field}_${String(step).padStart(3, '0')}.f32`));
}

export function uniformMesh(from: Case): Mesh {
  return { kind: 'uniform', dims: from.dims!, origin: from.origin!, spacing: from.spacing! };
}

/** Cell centres or nodes of an unstructured case as bare points. */
export function pointMesh(from: Case, file: string): Mesh & { kind: 'points' } {
  return { kind: 'points', points: readFloats(join(from.path, file)) };
}

/** A folder like that of the case, in `to`, in which what is packed is unpacked. */
export function unpacked(from: Case, to: string): string {
  for (const file of readdirSync(from.path)) {
    if (file.endsWith('.xz')) {
      execFileSync('sh', [
        '-c',
        'xz -dc "$1" > "$2"',
        'sh',
        join(from.path, file),
        join(to, file.slice(0, -3)),
      ]);
    } else {
      symlinkSync(join(from.path, file), join(to, file));
    }
  }
  return to;
}

export function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

/** 20 log10(range / rmse), dB, the range being that of the original. */
export function psnr(original: ArrayLike<number>, decoded: ArrayLike<number>): number {
  let [lo, hi, squares, count] = [Infinity, -Infinity, 0, 0];
  for (let i = 0; i < original.length; i++) {
    const value = original[i]!;
    if (!Number.isFinite(value)) continue;
    lo = Math.min(lo, value);
    hi = Math.max(hi, value);
    squares += (decoded[i]! - value) ** 2;
    count++;
  }
  return 20 * Math.log10((hi - lo) / Math.sqrt(squares / count));
}

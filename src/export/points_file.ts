import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { GaussituError } from '../errors.js';
import { decodeNpy } from './npy.js';
import { toFloat64 } from './numbers.js';

/** World points [n, 3] from .npy, .csv (a header line is allowed), .f32 or .f64. Throws INVALID_INPUT, NOT_FOUND. */
export async function readPoints(path: string): Promise<Float64Array> {
  const bytes = await readFile(path).catch((error: unknown) => {
    throw new GaussituError('NOT_FOUND', `${path} cannot be read`, { received: String(error), cause: error });
  });
  const points = parse(bytes, path);
  if (points.length === 0 || points.length % 3 !== 0) {
    throw new GaussituError('INVALID_INPUT', `${path}: points`, {
      expected: 'three coordinates per point',
      received: `${points.length} numbers`,
    });
  }
  return points;
}

function parse(bytes: Buffer, path: string): Float64Array {
  switch (extname(path).toLowerCase()) {
    case '.npy': {
      const { data, dtype, shape } = decodeNpy(bytes, path);
      if (shape.length !== 2 || shape[1] !== 3) {
        throw new GaussituError('INVALID_INPUT', `${path}: shape`, {
          expected: '(n, 3)',
          received: `(${shape.join(', ')})`,
        });
      }
      return toFloat64(data, dtype);
    }
    case '.f32':
    case '.f64': {
      const size = path.toLowerCase().endsWith('.f32') ? 4 : 8;
      if (bytes.length % size !== 0) {
        throw new GaussituError('INVALID_INPUT', `${path} is cut off`, {
          expected: `a multiple of ${size} bytes`,
        });
      }
      return toFloat64(bytes, size === 4 ? 'f32' : 'f64');
    }
    case '.csv':
      return parseCsv(bytes.toString('utf8'), path);
    default:
      throw new GaussituError('INVALID_ARGUMENT', '--points', {
        expected: 'a .npy, .csv, .f32 or .f64 file',
        received: path,
      });
  }
}

function parseCsv(text: string, path: string): Float64Array {
  const lines = text.split(/\r?\n/);
  const out: number[] = [];
  lines.forEach((line, i) => {
    if (line.trim() === '' || line.startsWith('#')) return;
    const row = line
      .split(/[,;\s]+/)
      .filter(Boolean)
      .map(Number);
    if (row.length === 3 && row.every(Number.isFinite)) out.push(...row);
    else if (i > 0) {
      throw new GaussituError('INVALID_INPUT', `${path}, line ${i + 1}`, {
        expected: 'x,y,z',
        received: line.slice(0, 80),
      });
    }
  });
  return Float64Array.from(out);
}

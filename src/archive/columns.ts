import { z } from 'zod';
import { GaussituError } from '../errors.js';

/** One row of a certificate table; `undefined` members are left out. */
export type Row = Record<string, unknown>;

/** JSON has no NaN and infinities, and JavaScript writes -0 as 0: these are kept as strings. */
export const specialNumber = z
  .union([z.number(), z.enum(['NaN', 'Infinity', '-Infinity', '-0'])])
  .transform((value) => Number(value));

/**
 * A table as compact JSON, by columns: a column that is the same in all rows is kept once, another is a list with
 * one value per row. A table of one row is thus a plain object. Keys that a row lacks are null.
 */
export function columns(rows: Row[]): string {
  const keys = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const table: Record<string, unknown> = { rows: rows.length };
  for (const key of keys) {
    const values = rows.map((row) => row[key] ?? null);
    const first = JSON.stringify(values[0], special);
    table[key] = values.every((v) => JSON.stringify(v, special) === first) ? values[0] : values;
  }
  if (rows.length === 1) delete table['rows'];
  return JSON.stringify(table, special);
}

function special(_key: string, value: unknown): unknown {
  if (Object.is(value, -0)) return '-0';
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
}

/** The rows of `columns`, each checked against `schema`; throws CORRUPT_STREAM. */
export function parseColumns<T extends z.ZodType>(text: string, schema: T): z.output<T>[] {
  try {
    const table = z.record(z.string(), z.unknown()).parse(JSON.parse(text));
    const { rows: announced = 1, ...rest } = table;
    const rows = z.int().min(1).max(65536).parse(announced);
    return Array.from({ length: rows }, (_, i) => {
      const row: Row = {};
      for (const [key, column] of Object.entries(rest)) {
        const value: unknown = Array.isArray(column) ? column[i] : column;
        if (value !== null || key === 'target') row[key] = value;
      }
      return schema.parse(row);
    });
  } catch (error) {
    throw new GaussituError('CORRUPT_STREAM', 'certificate', {
      expected: 'a table as docs/format.md describes it',
      received: error instanceof z.ZodError ? z.prettifyError(error).split('\n').join(' ') : String(error),
      cause: error,
    });
  }
}

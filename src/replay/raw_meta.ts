import { z } from 'zod';
import { GaussituError } from '../errors.js';

/** meta.json of a folder of raw arrays; docs/data.md describes every key. Unknown keys are notes. */
const count = z.int().min(1);
const triple = z.tuple([z.number(), z.number(), z.number()]);
const dims = z.tuple([count, count, count]);
const layers = z.int().min(0);
const file = z
  .string()
  .min(1)
  .refine((name) => !name.includes('/') && !name.startsWith('.'), 'a plain file name in the same folder');

export const RAW_DTYPES = {
  '<f4': 'f32',
  '<f8': 'f64',
  '<i4': 'i32',
  '<u4': 'u32',
  '<i8': 'i64',
  '<u8': 'u64',
  '<i2': 'i16',
  '<u2': 'u16',
  '|i1': 'i8',
  '|u1': 'u8',
} as const;
const dtype = z.enum(Object.keys(RAW_DTYPES) as (keyof typeof RAW_DTYPES)[]);

const schema = z.object({
  case: z.string().optional(),
  fields: z.array(z.string().min(1).max(200)).min(1),
  steps: count,
  /** Numbers of the steps, where they do not count from 0 (a client's spilled steps have gaps). */
  step_numbers: z.array(z.int().min(0)).optional(),
  times: z.array(z.number()).optional(),
  dtype: dtype.default('<f4'),
  file_pattern: z.string().default('<field>_<step:03d>.f32'),
  association: z.enum(['point', 'node', 'cell']).default('point'),
  components: z.record(z.string(), z.int().min(1).max(9)).default({}),
  units: z.union([z.string(), z.record(z.string(), z.string())]).optional(),
  fill_value: z.number().optional(),
  dims: dims.optional(),
  ghost: z.tuple([layers, layers, layers, layers, layers, layers]).optional(),
  spacing: triple.default([1, 1, 1]),
  origin: triple.default([0, 0, 0]),
  coords_file: file.optional(),
  coords_dtype: z.enum(['<f4', '<f8']).default('<f4'),
  connectivity_file: file.optional(),
  connectivity_dtype: z.enum(['<i4', '<i8']).default('<i4'),
  offsets_file: file.optional(),
  cell_types_file: file.optional(),
  cell_types: z.record(z.string().regex(/^\d+$/), count).optional(),
  packed: z.record(z.string(), z.string()).default({}),
});
export type RawMeta = z.output<typeof schema>;

export function parseMeta(text: string, path: string): RawMeta {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new GaussituError('INVALID_INPUT', `${path} is not JSON`, {
      received: String(error),
      cause: error,
    });
  }
  const result = schema.safeParse(value);
  if (!result.success) {
    throw new GaussituError('INVALID_INPUT', path, {
      expected: 'what docs/data.md describes',
      received: z.prettifyError(result.error).split('\n').join(' '),
    });
  }
  const meta = result.data;
  if (meta.times && meta.times.length !== meta.steps) {
    throw new GaussituError('INVALID_INPUT', `${path}: times`, {
      expected: `${meta.steps} numbers, one per step`,
      received: String(meta.times.length),
    });
  }
  const numbers = meta.step_numbers;
  if (numbers && (numbers.length !== meta.steps || numbers.some((n, i) => i > 0 && n <= numbers[i - 1]!))) {
    throw new GaussituError('INVALID_INPUT', `${path}: step_numbers`, {
      expected: `${meta.steps} rising numbers`,
      received: numbers.slice(0, 20).join(', '),
    });
  }
  if (!meta.dims && !meta.coords_file) {
    throw new GaussituError('INVALID_INPUT', path, {
      expected: 'dims (a grid) or coords_file (a mesh or points)',
      received: 'neither',
    });
  }
  if (!/<field>/.test(meta.file_pattern) || (meta.steps > 1 && !/<step/.test(meta.file_pattern))) {
    throw new GaussituError('INVALID_INPUT', `${path}: file_pattern`, {
      expected: 'a pattern with <field> and <step:03d>',
      received: meta.file_pattern,
    });
  }
  return meta;
}

/** `<field>_<step:03d>.f32` with its places filled. */
export function fileName(pattern: string, field: string, step: number): string {
  return pattern
    .replaceAll('<field>', field)
    .replace(/<step(?::0?(\d+)d)?>/g, (_, width?: string) => String(step).padStart(Number(width ?? 0), '0'));
}

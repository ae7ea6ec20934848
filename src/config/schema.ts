import { z } from 'zod';
import { CODERS, DEVICE } from './types.js';

const bound = z.number({ error: 'a number of at least 0' }).min(0, 'a number of at least 0');
const share = z
  .number({ error: 'a number above 0 and below 1' })
  .gt(0, 'a number above 0 and below 1')
  .lt(1, 'a number above 0 and below 1');
const positive = z.number({ error: 'a number above 0' }).positive('a number above 0');

/** 512M, 1.5G, 200k (powers of 1000) or a plain number of bytes. */
export function parseBytes(value: unknown): number | undefined {
  if (typeof value === 'number') return value > 0 && Number.isFinite(value) ? value : undefined;
  const match = /^(\d+(?:\.\d+)?)\s*([kMGT]?)B?$/i.exec(String(value).trim());
  const scale = { '': 1, k: 1e3, m: 1e6, g: 1e9, t: 1e12 }[match?.[2]?.toLowerCase() ?? ''] ?? 1;
  const bytes = match ? Math.round(Number(match[1]) * scale) : 0;
  return bytes > 0 ? bytes : undefined;
}

const modelShare = z
  .union([z.enum(['auto', 'best']), z.number().min(0).max(1)], {
    error: 'auto, best or a number from 0 to 1',
  })
  .optional();

const bytes = z.union([z.number(), z.string()]).transform((value, context) => {
  const parsed = parseBytes(value);
  if (parsed === undefined) {
    context.addIssue({ code: 'custom', message: 'a size above 0 like 512M, 1.5G or a number of bytes' });
    return z.NEVER;
  }
  return parsed;
});

const field = z
  .strictObject({
    match: z.string({ error: 'a field name or glob, e.g. "velocity*"' }).min(1),
    ratio: positive.optional(),
    psnr: positive.optional(),
    bytes: bytes.optional(),
    bytesPerRun: bytes.optional(),
    abs: bound.optional(),
    rel: bound.optional(),
    pwRel: share.optional(),
    fill: z.number({ error: 'a number' }).optional(),
    optimiser: z.enum(['lm', 'adam'], { error: 'lm or adam' }).optional(),
    iterations: z.int('a whole number above 0').positive('a whole number above 0').optional(),
    model: z.boolean({ error: 'true or false' }).optional(),
    coder: z.enum(CODERS, { error: 'auto, gaussian or residual' }).optional(),
    modelShare,
  })
  .refine(
    (f) =>
      [f.ratio, f.psnr, f.bytes, f.bytesPerRun, f.abs, f.rel, f.pwRel].filter((t) => t !== undefined)
        .length <= 1,
    {
      message: 'at most one of ratio, psnr, bytes, bytesPerRun, abs, rel, pwRel',
    },
  );

/** run.yaml. Unknown keys are refused: a misspelt target would be found out after the run. */
export const runFileSchema = z.strictObject({
  listen: z.string({ error: 'a ZeroMQ address like tcp://127.0.0.1:5555' }).optional(),
  out: z.string({ error: 'a folder' }).optional(),
  memory: bytes.optional(),
  threads: z.int('a whole number, 0 for all').min(0, 'a whole number, 0 for all').optional(),
  device: z.string({ error: 'auto, cpu or cuda:N' }).regex(DEVICE, 'auto, cpu or cuda:N').optional(),
  deviceMemory: bytes.optional(),
  mesh: z.enum(['store', 'none'], { error: 'store or none' }).optional(),
  secondsPerStep: positive.optional(),
  expectedSteps: z.int('a whole number above 0').positive('a whole number above 0').optional(),
  keyframe: z.int('a whole number above 0').positive('a whole number above 0').optional(),
  modelShare,
  fields: z
    .array(field, { error: 'a list of {match, ratio | psnr | bytes | abs | rel | pwRel, ...}' })
    .optional(),
});
export type RunFile = z.infer<typeof runFileSchema>;

/** Keys by the place they belong to, to suggest the nearest. */
export const KNOWN_KEYS = {
  top: Object.keys(runFileSchema.shape),
  field: [
    'match',
    'ratio',
    'psnr',
    'bytes',
    'bytesPerRun',
    'abs',
    'rel',
    'pwRel',
    'fill',
    'optimiser',
    'iterations',
    'model',
    'coder',
    'modelShare',
  ],
};

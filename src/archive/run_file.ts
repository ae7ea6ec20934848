import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { GaussituError } from '../errors.js';

/** What a run folder knows besides its steps: run.json, replaced as a whole whenever it changes. */
export const RUN_FILE = 'run.json';
export const RUN_FORMAT = 'gaussitu-run';
export const RUN_VERSION = 1;

const count = z.int().min(0);
const triple = z.tuple([z.number(), z.number(), z.number()]);
const counts = z.tuple([z.int(), z.int(), z.int()]);
const ghosts = z.tuple([count, count, count, count, count, count]);

/** One version of one mesh block: used by steps after `after`, until the next entry of the same name and block. */
const meshEntry = z.object({
  name: z.string().min(1),
  block: count,
  after: z.int().min(-1),
  kind: z.enum(['uniform', 'rectilinear', 'curvilinear', 'unstructured', 'points']),
  dims: counts.optional(),
  origin: triple.optional(),
  spacing: triple.optional(),
  ghost: ghosts.optional(),
  start: counts.optional(),
  global: counts.optional(),
  /** Of a patch of a refined grid. */
  level: count.optional(),
  nodes: count,
  cells: count,
  /** SHA-1 of geometry and arrays: a mesh that is sent again is not stored again. */
  digest: z.string(),
  /** Bytes of the arrays as the simulation holds them; 0 for uniform grids. */
  rawBytes: count,
  /** Absent: nothing but this entry is kept. */
  file: z
    .string()
    .regex(/^mesh_\d+\.h5$/)
    .optional(),
});
export type MeshEntry = z.infer<typeof meshEntry>;

const target = z.union([
  z.strictObject({ ratio: z.number().positive() }),
  z.strictObject({ psnr: z.number().positive() }),
  z.strictObject({ bytes: z.number().positive() }),
  z.strictObject({ abs: z.number().min(0) }),
  z.strictObject({ rel: z.number().min(0) }),
  z.strictObject({ pwRel: z.number().gt(0).lt(1) }),
]);

const runFile = z.object({
  format: z.literal(RUN_FORMAT),
  version: z.literal(RUN_VERSION),
  software: z.string(),
  info: z.object({
    run: z.string().min(1),
    ranks: z.int().min(1),
    client: z.string(),
    meta: z.record(z.string(), z.union([z.string(), z.number()])).optional(),
    targets: z.record(z.string(), target).optional(),
  }),
  settings: z.record(z.string(), z.unknown()),
  finished: z.boolean(),
  dropped: z.array(z.object({ step: count, reason: z.string() })),
  meshes: z.array(meshEntry),
});
export type RunFile = z.infer<typeof runFile>;

export const SOFTWARE = `gaussitu ${
  (
    JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
      version: string;
    }
  ).version
}`;

export function encodeRun(run: RunFile): Uint8Array {
  return Buffer.from(JSON.stringify(run) + '\n');
}

/** undefined when the folder has none; throws CORRUPT_STREAM, UNSUPPORTED. */
export async function readRun(folder: string): Promise<RunFile | undefined> {
  const path = join(folder, RUN_FILE);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new GaussituError('ARCHIVE_FAILED', `cannot read ${path}`, {
      received: String(error),
      cause: error,
    });
  }
  try {
    const value: unknown = JSON.parse(text);
    const version = z.object({ version: z.number() }).safeParse(value).data?.version;
    if (version !== undefined && version > RUN_VERSION) {
      throw new GaussituError('UNSUPPORTED', `${path}: run format`, {
        expected: `version ${RUN_VERSION}`,
        received: String(version),
        hint: 'it was written by a newer gaussitu',
      });
    }
    return runFile.parse(value);
  } catch (error) {
    if (error instanceof GaussituError) throw error;
    throw new GaussituError('CORRUPT_STREAM', `${path} is damaged or not ours`, {
      received: error instanceof z.ZodError ? z.prettifyError(error).split('\n').join(' ') : String(error),
      cause: error,
    });
  }
}

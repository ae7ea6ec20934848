import { z } from 'zod';
import { MAX_COMPONENTS, MAX_DIM, MAX_FRAMES, MAX_LEVEL, MAX_NAME, MAX_RANKS } from './limits.js';
import { DTYPES } from './field.js';

/** Names of fields and meshes: no control characters, no slash (they become HDF5 names). */
// oxlint-disable-next-line no-control-regex
export const NAME = /^[^/\u0000-\u001f\u007f]+$/u;
/** Run ids become folder names. */
export const RUN_ID = /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/;

const name = z.string().min(1).max(MAX_NAME).regex(NAME, 'a name without control characters and /');
const index = z.int().min(0);
const dim = z.int().min(0).max(MAX_DIM);
const triple = z.tuple([z.number(), z.number(), z.number()]);
const dims = z.tuple([dim, dim, dim]);
const ghost = z.tuple([dim, dim, dim, dim, dim, dim]);
const start = z.tuple([z.int(), z.int(), z.int()]);
const dtype = z.enum(DTYPES);
const crc = z.int().min(0).max(0xffffffff).nullish();
const positive = z.number().positive();

const bound = z.number().min(0);
const share = z.number().gt(0).lt(1);

/** Exactly one of ratio, psnr, bytes, abs, rel, pwRel. */
export const targetSchema = z.union(
  [
    z.strictObject({ ratio: positive }),
    z.strictObject({ psnr: positive }),
    z.strictObject({ bytes: positive }),
    z.strictObject({ abs: bound }),
    z.strictObject({ rel: bound }),
    z.strictObject({ pwRel: share }),
  ],
  {
    error:
      'a map with exactly one of ratio, psnr, bytes (a number above 0), abs, rel (a number of at least 0), pwRel (a number above 0 and below 1)',
  },
);

const array = z.object({ name: z.string().max(32), dtype, shape: z.array(dim).min(1).max(2), crc });

const hello = z.object({
  t: z.literal('hello'),
  v: z.int(),
  run: z.string().min(1).max(MAX_NAME).regex(RUN_ID, '[A-Za-z0-9._-], not starting with a dot'),
  rank: index.max(MAX_RANKS - 1),
  ranks: z.int().min(1).max(MAX_RANKS),
  client: z.string().max(MAX_NAME),
  meta: z.record(z.string().max(MAX_NAME), z.union([z.string().max(4096), z.number()])).nullish(),
  targets: z.record(z.string().max(MAX_NAME), targetSchema).nullish(),
});

const grid = {
  dims,
  ghost: ghost.nullish(),
  start: start.nullish(),
  global: dims.nullish(),
  level: index.max(MAX_LEVEL).nullish(),
};
const block = { t: z.literal('mesh'), mesh: name, block: index };
const arrays = z.array(array).max(MAX_FRAMES);
const mesh = z.discriminatedUnion('kind', [
  z.object({
    ...block,
    kind: z.literal('uniform'),
    ...grid,
    origin: triple,
    spacing: triple,
    arrays: arrays.nullish(),
  }),
  z.object({ ...block, kind: z.literal('rectilinear'), ...grid, arrays }),
  z.object({ ...block, kind: z.literal('curvilinear'), ...grid, arrays }),
  z.object({ ...block, kind: z.literal('unstructured'), arrays }),
  z.object({ ...block, kind: z.literal('points'), arrays }),
]);

const begin = z.object({ t: z.literal('begin'), step: index, time: z.number() });
const field = z.object({
  t: z.literal('field'),
  step: index,
  field: name,
  mesh: name,
  block: index,
  assoc: z.enum(['node', 'cell']),
  dtype,
  shape: z.union([z.tuple([index]), z.tuple([index, z.int().min(1).max(MAX_COMPONENTS)])]),
  units: z.string().max(MAX_NAME).nullish(),
  target: targetSchema.nullish(),
  fill: z.number().nullish(),
  crc,
});
const single = z.union([z.string().max(4096), z.number()]);
/** Named numbers and texts of a step: what a simulation says of it beside its fields. */
export const stepValuesSchema = z.record(z.string().min(1).max(MAX_NAME), z.union([single, z.array(single)]));
const end = z.object({
  t: z.literal('end'),
  step: index,
  fields: index,
  values: stepValuesSchema.nullish(),
});
const ping = z.object({ t: z.literal('ping') });
const bye = z.object({ t: z.literal('bye') });

/** Schema of each client message by its `t`. Unknown keys are ignored, as the protocol says. */
export const CLIENT_SCHEMAS = { hello, mesh, begin, field, end, ping, bye } as const;

export type HelloMessage = z.infer<typeof hello>;
export type MeshMessage = z.infer<typeof mesh>;
export type BeginMessage = z.infer<typeof begin>;
export type FieldMessage = z.infer<typeof field>;
export type StepValues = z.infer<typeof stepValuesSchema>;
export type EndMessage = z.infer<typeof end>;
export type ArrayHeader = z.infer<typeof array>;
export type ClientMessage = z.infer<(typeof CLIENT_SCHEMAS)[keyof typeof CLIENT_SCHEMAS]>;

import { promisify } from 'node:util';
import { crc32, deflate } from 'node:zlib';
import type { BlockReferences, Certificate, FieldRecord } from '../archive/types.js';
import type { BoundedResult, Codec, EncodeProgress, EncodeTarget } from '../codec/types.js';
import { extractComponent } from '../protocol/extent.js';
import { blankFill } from '../protocol/fill.js';
import { blankGhosts, ghostMarks } from '../protocol/ghosts.js';
import { DTYPE_BYTES, isBound, type Target } from '../protocol/field.js';
import type { FieldKind } from '../protocol/source.js';
import type { WarmStart } from './chain.js';
import type { Ways } from './choose.js';
import type { BlockJob } from './job.js';
import { hasNonFinite, valueRange, variety } from './values.js';

const deflateAsync = promisify(deflate);

/** Fewer values than this are not worth a model. */
const MIN_MODEL_VALUES = 64;

export interface EncodeContext {
  codec: Codec;
  target: EncodeTarget;
  /** Training time, 0 no limit. */
  seconds: number;
  /** What a model starts from. */
  previous: () => Promise<WarmStart | undefined>;
  /** Is told of each model, as a payload that stands alone. */
  onModel: (whole: Uint8Array) => void;
  /** Does work when one of the codec's threads is free. */
  slot: <T>(work: () => Promise<T>) => Promise<T>;
  /** Codes a block as a residual: one that has a strict bound, or one whose kind is chosen. */
  bounded?: () => Promise<{ result: BoundedResult; references?: BlockReferences }>;
  /** Chooses between the two ways to store a block without a strict bound; absent: a model. */
  choose?: (ways: Ways, specials: boolean) => Promise<FieldRecord>;
  signal: AbortSignal;
  onProgress?: (progress: EncodeProgress) => void;
}

/** Decides how a block is stored (empty, constant, lossless, gaussian), stores it so, and certifies it. */
export async function encodeBlock(job: BlockJob, context: EncodeContext): Promise<FieldRecord> {
  const { dtype } = job.field;
  if (job.box.count === 0) return empty(job);
  if (dtype !== 'f32' && dtype !== 'f64') return lossless(job, null);
  if (!job.plan.model) return lossless(job, null);
  const marks = ghostMarks(job.mesh, job.field.association);
  const filled = isBound(job.plan.target) ? job.field.data : blankFill(job.field.data, dtype, fillOf(job));
  const values = blankGhosts(filled, dtype, job.field.components, marks);
  const kind = variety(values, dtype, job.box, {
    scalarBytes: DTYPE_BYTES[dtype],
    components: job.field.components,
    component: job.component,
  });
  if (kind === 'constant') return constant(job);
  const affordable = 'bytes' in context.target && job.rawBytes <= context.target.bytes;
  // Without a finite value there is nothing to train on, and NaN comes back as NaN only from a lossless copy.
  if (kind === 'none finite' || job.box.count < MIN_MODEL_VALUES || affordable) {
    return lossless(job, job.plan.target);
  }
  const { bounded: encode, choose } = context;
  const train = (): Promise<FieldRecord> => gaussian(job, values, dtype, context);
  if (!encode) return train();
  if (!choose) return bounded(job, encode);
  return choose({ gaussian: train, residual: () => bounded(job, encode) }, hasSpecials(job, filled, dtype));
}

async function bounded(job: BlockJob, encode: NonNullable<EncodeContext['bounded']>): Promise<FieldRecord> {
  const begun = performance.now();
  const { result, references } = await encode();
  return {
    ...record(job, 'bounded', result.payload, {
      target: job.plan.target,
      ...result.metrics,
      rawBytes: job.rawBytes,
      gaussians: result.model?.gaussians ?? 0,
      iterations: result.model?.iterations ?? 0,
      ...(!isBound(job.plan.target) && { bound: result.bound }),
      trainSeconds: fixedWidth((performance.now() - begun) / 1000),
      start: result.usesEarlier ? 'warm' : 'cold',
      ...deviceOf(result.model),
      ...(result.model && {
        model: { bytes: result.model.bytes, psnr: Math.round(result.model.psnr * 100) / 100 },
      }),
    }),
    ...(references && { references }),
  };
}

async function gaussian(
  job: BlockJob,
  data: Uint8Array,
  dtype: 'f32' | 'f64',
  { codec, target, seconds, previous: load, onModel, slot, signal, onProgress }: EncodeContext,
): Promise<FieldRecord> {
  const { field, mesh, plan } = job;
  const previous = await load();
  const result = await slot(() =>
    codec.encode({
      mesh: mesh.mesh,
      ...(mesh.ghost && { ghost: mesh.ghost }),
      association: field.association,
      dtype,
      data,
      components: field.components,
      component: job.component,
      target,
      signal,
      ...(plan.optimiser && { optimiser: plan.optimiser }),
      ...(plan.iterations !== undefined && { iterations: plan.iterations }),
      ...(seconds > 0 && { seconds }),
      ...(previous && { previous: previous.payload, mayRefer: previous.step !== undefined }),
      ...(onProgress && { onProgress }),
    }),
  );
  onModel(result.whole);
  const references = result.refers &&
    previous?.step !== undefined && { references: { earlier: [previous.step], siblings: [] } };
  return {
    ...record(job, 'gaussian', result.payload, {
      target: plan.target,
      ...result.metrics,
      rawBytes: job.rawBytes,
      gaussians: result.gaussians,
      iterations: result.iterations,
      trainSeconds: fixedWidth(result.trainSeconds),
      start: result.start,
      ...deviceOf(result),
    }),
    ...references,
  };
}

function deviceOf(trained: { device: string } | undefined): Pick<Certificate, 'device'> {
  return trained && trained.device !== 'cpu' ? { device: trained.device } : {};
}

async function lossless(job: BlockJob, target: Target | null): Promise<FieldRecord> {
  const values = packed(job);
  const payload = new Uint8Array(await deflateAsync(values));
  return record(job, 'lossless', payload, exact(job, values, target));
}

function constant(job: BlockJob): FieldRecord {
  return record(job, 'constant', new Uint8Array(), exact(job, packed(job), job.plan.target));
}

function empty(job: BlockJob): FieldRecord {
  return record(job, 'empty', new Uint8Array(), exact(job, new Uint8Array(), job.plan.target));
}

function fillOf({ field, plan }: BlockJob): number | undefined {
  return plan.fill ?? field.fill;
}

/** `values` have NaN in the place of fills. */
function hasSpecials(job: BlockJob, values: Uint8Array, dtype: 'f32' | 'f64'): boolean {
  const { components } = job.field;
  return hasNonFinite(values, dtype, job.box, {
    scalarBytes: DTYPE_BYTES[dtype],
    components,
    component: job.component,
  });
}

function packed({ field, box, component }: BlockJob): Uint8Array {
  return extractComponent(field.data, box, DTYPE_BYTES[field.dtype], field.components, component);
}

/** The certificate of values that come back bit for bit. Ghosts come back as well, but are in no statistics. */
function exact(job: BlockJob, values: Uint8Array, target: Target | null): Certificate {
  const marks = ghostMarks(job.mesh, job.field.association);
  const range = valueRange(
    values,
    job.field.dtype,
    DTYPE_BYTES[job.field.dtype],
    marks && extractComponent(marks, job.box, 1, 1, 0),
  );
  return {
    target,
    valueMin: range.min,
    valueMax: range.max,
    rmse: 0,
    maxError: 0,
    ...(target && 'pwRel' in target && { maxRelativeError: 0 }),
    psnr: Infinity,
    values: range.values,
    nonFinite: range.nonFinite,
    crc: crc32(values),
    rawBytes: job.rawBytes,
    gaussians: 0,
    iterations: 0,
    trainSeconds: 0,
    start: 'cold',
  };
}

function record(job: BlockJob, kind: FieldKind, payload: Uint8Array, certificate: Certificate): FieldRecord {
  const { field, mesh } = job;
  return {
    name: job.name,
    mesh: mesh.name,
    block: mesh.block,
    association: field.association,
    dtype: field.dtype,
    ...(field.units !== undefined && { units: field.units }),
    kind,
    payload,
    certificate,
  };
}

/**
 * Seconds with four digits, the last of them not zero: as text always equally long. The certificate is stored as text,
 * its size is part of the overhead that rate control sees, and nothing that is stored may depend on how long it took.
 */
export function fixedWidth(seconds: number): number {
  if (!(seconds > 0)) return 0.001;
  const decimals = Math.max(1, Math.min(3, 3 - Math.floor(Math.log10(seconds))));
  const scale = 10 ** decimals;
  const units = Math.max(1, Math.round(seconds * scale));
  return (units % 10 === 0 ? units + 1 : units) / scale;
}

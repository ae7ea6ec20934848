import { crc32 } from 'node:zlib';
import { z } from 'zod';
import { GaussituError } from '../errors.js';
import { readImage } from '../hdf5/read_image.js';
import { writeImage, type DatasetSpec } from '../hdf5/write_image.js';
import { DTYPES } from '../protocol/field.js';
import { stepValuesSchema, type StepValues } from '../protocol/messages.js';
import { columns, parseColumns, specialNumber, type Row } from './columns.js';
import type { FieldEntry, FieldRecord, StepEntry, StepRecord } from './types.js';

/**
 * One committed timestep as one HDF5 file: a uint8 dataset per field (the payloads of its blocks, one after the
 * other) with one JSON attribute, `certificate`. Measured (docs/format.md): a native HDF5 attribute costs 45 to 60
 * bytes and, from the ninth on, a 1 kB index; the JSON text costs less than half, and one for all blocks of a field
 * less than a quarter of one dataset per block.
 */
export const STEP_FORMAT = 'gaussitu-step';
export const STEP_VERSION = 1;

/** Bytes to expect of a step file beside its payloads: measured, within 1 % up to eight fields of one block, 6 % of several. */
export function stepOverhead(fields: number, blocks: number): number {
  return 310 + 796 * fields + 170 * Math.max(0, blocks - fields);
}

const count = z.int().min(0);
const positive = z.number().positive();
const rowSchema = z.object({
  mesh: z.string().min(1),
  block: count,
  association: z.enum(['node', 'cell']),
  dtype: z.enum(DTYPES),
  units: z.string().optional(),
  kind: z.enum(['gaussian', 'bounded', 'lossless', 'constant', 'empty']),
  bytes: count,
  crc: z.int().min(0).max(0xffffffff),
  target: z
    .union([
      z.strictObject({ ratio: positive }),
      z.strictObject({ psnr: positive }),
      z.strictObject({ bytes: positive }),
      z.strictObject({ bytesPerRun: positive }),
      z.strictObject({ abs: z.number().min(0) }),
      z.strictObject({ rel: z.number().min(0) }),
      z.strictObject({ pwRel: z.number().gt(0).lt(1) }),
    ])
    .nullable(),
  bound: z.number().min(0).optional(),
  earlier: count.optional(),
  earlier2: count.optional(),
  sibling: z.string().min(1).optional(),
  sibling2: z.string().min(1).optional(),
  value_min: specialNumber,
  value_max: specialNumber,
  rmse: specialNumber,
  max_error: specialNumber,
  max_relative_error: specialNumber.optional(),
  psnr: specialNumber,
  values: count,
  non_finite: count,
  decoded_crc: z.int().min(0).max(0xffffffff),
  raw_bytes: count,
  gaussians: count,
  iterations: count,
  train_seconds: z.number().min(0),
  start: z.enum(['cold', 'warm']),
  device: z.string().min(1).optional(),
  model_bytes: z.int().min(1).optional(),
  model_psnr: specialNumber.optional(),
});

export async function encodeStep(step: StepRecord): Promise<Uint8Array> {
  const byName = new Map<string, FieldRecord[]>();
  for (const field of step.fields) byName.set(field.name, [...(byName.get(field.name) ?? []), field]);
  const datasets = [...byName].map(([name, blocks]): DatasetSpec => ({
    path: `/${datasetName(name)}`,
    data: Buffer.concat(blocks.map((b) => b.payload)),
    attributes: { certificate: columns(blocks.map(rowOf)) },
  }));
  return writeImage({
    attributes: {
      format: STEP_FORMAT,
      version: BigInt(STEP_VERSION),
      step: BigInt(step.step),
      time: step.time,
      ...(step.values && { values: JSON.stringify(step.values) }),
    },
    datasets,
  });
}

/** Parses and checks a step file; throws CORRUPT_STREAM or UNSUPPORTED that names `file`. */
export async function decodeStep(bytes: Uint8Array, file: string): Promise<StepEntry> {
  return readImage(bytes, file, (image) => {
    const format = image.text('/', 'format');
    if (format !== STEP_FORMAT) throw bad(`format is ${JSON.stringify(format)}, not ${STEP_FORMAT}`);
    const version = image.number('/', 'version');
    if (version !== STEP_VERSION) {
      throw new GaussituError('UNSUPPORTED', `${file}: step format`, {
        expected: `version ${STEP_VERSION}`,
        received: String(version),
        hint: 'it was written by a newer gaussitu',
      });
    }
    const fields = image.names('/').flatMap((dataset) => {
      const { data } = image.dataset(`/${dataset}`);
      if (!(data instanceof Uint8Array)) throw bad(`dataset ${dataset} is not uint8`);
      return fieldsOf(dataset, data, image.text(`/${dataset}`, 'certificate'));
    });
    const payloadBytes = fields.reduce((sum, f) => sum + f.payload.length, 0);
    shareOverhead(fields, bytes.length - payloadBytes);
    return {
      step: image.number('/', 'step'),
      time: image.number('/', 'time'),
      ...(image.hasAttribute('/', 'values') && { values: valuesOf(image.text('/', 'values')) }),
      file,
      fileBytes: bytes.length,
      fields,
    };
  });
}

function fieldsOf(dataset: string, data: Uint8Array, certificate: string): FieldEntry[] {
  let offset = 0;
  const name = fieldName(dataset);
  const entries = parseColumns(certificate, rowSchema).map((row): FieldEntry => {
    const payload = data.slice(offset, offset + row.bytes);
    offset += row.bytes;
    if (payload.length !== row.bytes || crc32(payload) !== row.crc) {
      throw bad(`the payload of field ${name}, block ${row.block} does not match its checksum`);
    }
    return {
      name,
      mesh: row.mesh,
      block: row.block,
      association: row.association,
      dtype: row.dtype,
      ...(row.units === undefined ? {} : { units: row.units }),
      kind: row.kind,
      payload,
      ...referencesOf(row),
      certificate: {
        target: row.target,
        ...(row.bound !== undefined && { bound: row.bound }),
        valueMin: row.value_min,
        valueMax: row.value_max,
        rmse: row.rmse,
        maxError: row.max_error,
        ...(row.max_relative_error !== undefined && { maxRelativeError: row.max_relative_error }),
        psnr: row.psnr,
        values: row.values,
        nonFinite: row.non_finite,
        crc: row.decoded_crc,
        rawBytes: row.raw_bytes,
        gaussians: row.gaussians,
        iterations: row.iterations,
        trainSeconds: row.train_seconds,
        start: row.start,
        ...(row.device !== undefined && { device: row.device }),
        ...(row.model_bytes !== undefined && {
          model: { bytes: row.model_bytes, psnr: row.model_psnr ?? Number.NaN },
        }),
      },
      storedBytes: row.bytes,
    };
  });
  if (offset !== data.length) {
    throw bad(`dataset ${dataset} holds ${data.length} bytes, its blocks ${offset}`);
  }
  return entries;
}

function valuesOf(text: string): StepValues {
  try {
    return stepValuesSchema.parse(JSON.parse(text));
  } catch (error) {
    throw new GaussituError('CORRUPT_STREAM', 'the values of the step cannot be read', { cause: error });
  }
}

function rowOf(field: FieldRecord): Row {
  const c = field.certificate;
  return {
    mesh: field.mesh,
    block: field.block,
    association: field.association,
    dtype: field.dtype,
    ...(field.units === undefined ? {} : { units: field.units }),
    kind: field.kind,
    ...referenceColumns(field),
    bytes: field.payload.length,
    crc: crc32(field.payload),
    target: c.target,
    ...(c.bound !== undefined && { bound: c.bound }),
    value_min: c.valueMin,
    value_max: c.valueMax,
    rmse: c.rmse,
    max_error: c.maxError,
    ...(c.maxRelativeError !== undefined && { max_relative_error: c.maxRelativeError }),
    psnr: c.psnr,
    values: c.values,
    non_finite: c.nonFinite,
    decoded_crc: c.crc,
    raw_bytes: c.rawBytes,
    gaussians: c.gaussians,
    iterations: c.iterations,
    train_seconds: Math.round(c.trainSeconds * 1000) / 1000,
    start: c.start,
    ...(c.device !== undefined && { device: c.device }),
    ...(c.model && { model_bytes: c.model.bytes, model_psnr: c.model.psnr }),
  };
}

function referenceColumns({ references }: FieldRecord): Row {
  const [earlier, earlier2] = references?.earlier ?? [];
  const [sibling, sibling2] = references?.siblings ?? [];
  const row: Row = { earlier, earlier2, sibling, sibling2 };
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== undefined));
}

function referencesOf(row: z.output<typeof rowSchema>): Pick<FieldRecord, 'references'> {
  const earlier = [row.earlier, row.earlier2].filter((step) => step !== undefined);
  const siblings = [row.sibling, row.sibling2].filter((name) => name !== undefined);
  return earlier.length + siblings.length > 0 ? { references: { earlier, siblings } } : {};
}

/** The file's bytes that are nobody's payload, in equal parts; the first ones take the remainder. */
function shareOverhead(fields: FieldEntry[], overhead: number): void {
  fields.forEach((field, i) => {
    field.storedBytes += Math.floor(overhead / fields.length) + (i < overhead % fields.length ? 1 : 0);
  });
}

/** HDF5 link names may not be `.` or contain `/`; `%` is our escape. */
function datasetName(field: string): string {
  return field.replace(/%/g, '%25').replace(/\//g, '%2F').replace(/^\./, '%2E');
}
function fieldName(dataset: string): string {
  return dataset.replace(/%(25|2F|2E)/g, (_, code: string) => String.fromCharCode(parseInt(code, 16)));
}

function bad(message: string): GaussituError {
  return new GaussituError('CORRUPT_STREAM', message);
}

import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Target } from '../protocol/field.js';
import type { StepValues } from '../protocol/messages.js';
import type { FieldKind } from '../protocol/source.js';
import { boundReached } from '../protocol/bound.js';
import { RUN_FILE } from './run_file.js';
import { byField, kindOf, mergeCertificates } from './summary.js';
import type { ArchiveReader, Certificate, FieldEntry } from './types.js';

export interface InspectedField {
  name: string;
  kind: FieldKind;
  rawBytes: number;
  storedBytes: number;
  ratio: number;
  /** dB; null when exact. */
  psnr: number | null;
  rmse: number;
  maxError: number;
  target: Target | null;
  /** Of a field with a strict bound: what was asked for and the largest error, in the same measure. */
  bound: { asked: number; reached: number } | null;
  iterations: number;
  trainSeconds: number;
  start: 'cold' | 'warm';
  /** Devices that trained its models, 'cpu' or 'cuda:0', blocks on different ones joined by '+'; null: no model. */
  device: string | null;
  /** Gaussian models of this field, all blocks together; those beside a residual are part of storedBytes. */
  modelBytes: number;
}

export interface Inspection {
  run: string;
  steps: {
    step: number;
    time: number;
    /** Decodes without any other step. */
    keyframe: boolean;
    /** What the simulation said of the step, if anything. */
    values?: StepValues;
    fields: InspectedField[];
  }[];
  totals: {
    rawBytes: number;
    /** All step files and run.json. */
    storedBytes: number;
    ratio: number;
    /** Mesh files, and the arrays they stand for, each version once; 0 for uniform grids. */
    meshBytes: number;
    meshRawBytes: number;
    /** (rawBytes + meshRawBytes) / (storedBytes + meshBytes) */
    ratioWithMesh: number;
    finished: boolean;
    dropped: { step: number; reason: string }[];
  };
}

/** Reads every step of a run. Throws CORRUPT_STREAM. */
export async function inspectRun(archive: ArchiveReader): Promise<Inspection> {
  const steps: Inspection['steps'] = [];
  const meshes = new Map<string, number>();
  let [rawBytes, storedBytes] = [0, 0];
  for (const number of await archive.steps()) {
    const entry = await archive.readStep(number);
    const fields = [...byField(entry.fields)].map(([name, blocks]) => inspectField(name, blocks));
    const keyframe = entry.fields.every((f) => (f.references?.earlier.length ?? 0) === 0);
    const { values } = entry;
    steps.push({ step: entry.step, time: entry.time, keyframe, ...(values && { values }), fields });
    rawBytes += fields.reduce((sum, f) => sum + f.rawBytes, 0);
    storedBytes += entry.fileBytes;
    for (const mesh of new Set(entry.fields.map((f) => f.mesh))) {
      meshes.set(mesh, await archive.meshRawBytes(mesh, number));
    }
  }
  const runBytes = (await stat(join(archive.path, RUN_FILE))).size;
  storedBytes += runBytes;
  shareRunFile(
    steps.flatMap((s) => s.fields),
    runBytes,
  );
  const meshBytes = await archive.meshBytes();
  const meshRawBytes = [...meshes.values()].reduce((a, b) => a + b, 0);
  return {
    run: archive.info.run,
    steps,
    totals: {
      rawBytes,
      storedBytes,
      ratio: rawBytes / storedBytes,
      meshBytes,
      meshRawBytes,
      ratioWithMesh: (rawBytes + meshRawBytes) / (storedBytes + meshBytes),
      finished: archive.finished,
      dropped: archive.dropped,
    },
  };
}

/** run.json belongs to all fields: by raw bytes, so that the parts are the whole and ratios count every byte. */
function shareRunFile(fields: InspectedField[], bytes: number): void {
  const raw = fields.reduce((sum, f) => sum + f.rawBytes, 0);
  let [before, given] = [0, 0];
  for (const field of fields) {
    before += field.rawBytes;
    const share = (raw > 0 ? Math.round((bytes * before) / raw) : 0) - given;
    given += share;
    field.storedBytes += share;
    field.ratio = field.rawBytes / field.storedBytes;
  }
}

function modelBytes({ kind, payload, certificate }: FieldEntry): number {
  return kind === 'gaussian' ? payload.length : (certificate.model?.bytes ?? 0);
}

function inspectField(name: string, blocks: FieldEntry[]): InspectedField {
  const certificates = blocks.map((b) => b.certificate);
  const { rmse, maxError, psnr, rawBytes } = mergeCertificates(certificates);
  const storedBytes = blocks.reduce((sum, b) => sum + b.storedBytes, 0);
  return {
    name,
    kind: kindOf(blocks),
    rawBytes,
    storedBytes,
    ratio: rawBytes / storedBytes,
    psnr: Number.isFinite(psnr) ? psnr : null,
    rmse,
    maxError,
    target: certificates[0]?.target ?? null,
    bound: boundOfBlocks(certificates),
    iterations: Math.max(...certificates.map((c) => c.iterations)),
    trainSeconds: certificates.reduce((sum, c) => sum + c.trainSeconds, 0),
    start: certificates.every((c) => c.start === 'warm') ? 'warm' : 'cold',
    device: devicesOf(blocks),
    modelBytes: blocks.reduce((sum, b) => sum + modelBytes(b), 0),
  };
}

function devicesOf(blocks: FieldEntry[]): string | null {
  const trained = blocks.filter((b) => b.certificate.iterations > 0);
  const names = new Set(trained.map((b) => b.certificate.device ?? 'cpu'));
  return names.size > 0 ? [...names].sort().join('+') : null;
}

/** Blocks of one field were asked for the same; the worst of them counts. */
function boundOfBlocks(certificates: Certificate[]): InspectedField['bound'] {
  const bounds = certificates.flatMap((c) => boundReached(c.target, c) ?? []);
  const [first] = bounds;
  return first ? { asked: first.asked, reached: Math.max(...bounds.map((b) => b.reached)) } : null;
}

import type { Association, Dtype, Target } from '../protocol/field.js';
import type { MeshBlock } from '../protocol/mesh.js';
import type { StepValues } from '../protocol/messages.js';
import type { Metrics } from '../protocol/metrics.js';
import type { FieldKind, RunInfo, StepSummary } from '../protocol/source.js';

/** The proof that goes with every stored field block, from a real decode before commit. */
export interface Certificate extends Metrics {
  target: Target | null;
  /** Of a bounded block whose target is not a bound: every value is within this, field units; 0: exact. */
  bound?: number;
  rawBytes: number;
  gaussians: number;
  iterations: number;
  trainSeconds: number;
  start: 'cold' | 'warm';
  /** That trained the model, 'cuda:0'; absent: the CPU. */
  device?: string;
  /** bounded only; absent: no model within the payload. */
  model?: ModelCertificate;
}

/** The model within a bounded payload: its bytes, and how well it does alone at the samples. */
export interface ModelCertificate {
  bytes: number;
  /** dB */
  psnr: number;
}

/** Blocks that must be decoded before a block; of the same mesh and block. */
export interface BlockReferences {
  /** Steps of the same field, latest first. */
  earlier: number[];
  /** Other fields at the same step. */
  siblings: string[];
}

/** One scalar component of one field on one block at one step, ready to be stored or as read. */
export interface FieldRecord {
  /** Field name; components of a vector are name_x, name_y, name_z (or name_0 ... for other counts). */
  name: string;
  mesh: string;
  block: number;
  association: Association;
  dtype: Dtype;
  units?: string;
  kind: FieldKind;
  /** gaussian, bounded: docs/format.md; lossless: deflate of the raw values without ghosts; else empty. */
  payload: Uint8Array;
  /**
   * bounded: to blocks of kind bounded or gaussian. gaussian: to one earlier step of that kind, whose model this one
   * changes. Absent: decodes on its own.
   */
  references?: BlockReferences;
  certificate: Certificate;
}

export interface StepRecord {
  step: number;
  time: number;
  /** Named numbers and texts that the simulation gave with the step. */
  values?: StepValues;
  fields: FieldRecord[];
}

export interface ArchiveWriterOptions {
  info: RunInfo;
  /** 'store' keeps mesh geometry (once per version), 'none' only what is needed to decode on grids. */
  mesh: 'store' | 'none';
  /** Settings of the run as given, kept for the record. */
  settings: Record<string, unknown>;
}

/**
 * Writes one run folder. One file per committed step: built in memory, written under a temporary name, fsynced,
 * renamed, directory fsynced. Opening an existing run of the same id goes on after its last step; another id, or a
 * folder that another live process writes to, is refused (ARCHIVE_BUSY).
 */
export interface ArchiveWriter {
  readonly path: string;
  /** Last durable step, -1 when none. */
  readonly lastStep: number;
  /** Committed steps. */
  readonly stepCount: number;
  /** Bytes of all mesh files so far. */
  readonly meshBytes: number;
  /** Bytes on disk so far and raw bytes they stand for, per field name: the rate control's feedback. */
  totals(field: string): { raw: number; stored: number };
  /** Bytes that a step of so many fields in so many blocks costs beyond its payloads: what rate control must reserve. */
  overheadBytes(fields: number, blocks: number): number;
  /** Bytes of the run's own file, paid once. */
  readonly runBytes: number;
  /** The Gaussian model of the last committed step for a warm start, as stored; undefined when there is none. */
  previousModel(name: string, mesh: string, block: number): Promise<FieldEntry | undefined>;
  /** A committed step. Throws like ArchiveReader.readStep. */
  readStep(step: number): Promise<StepEntry>;
  /**
   * Used by steps committed from now on, until the next one of the same name and block: call it after the last step that
   * used its predecessor was committed. A mesh that is there already is not stored again.
   */
  writeMesh(mesh: MeshBlock): Promise<void>;
  /** Durable when it resolves. Throws ARCHIVE_FAILED (disk full, folder gone); the archive stays readable. */
  commitStep(step: StepRecord): Promise<StepSummary>;
  /** Records a step that was given up, with the reason. */
  recordDropped(step: number, reason: string): Promise<void>;
  close(finished: boolean): Promise<void>;
}

export interface FieldEntry extends FieldRecord {
  /** Payload plus this field block's share of the file's overhead. */
  storedBytes: number;
  /** A coarser model is in the payload's place: the certificate does not speak of it. */
  preview?: boolean;
}
export interface StepEntry {
  step: number;
  time: number;
  values?: StepValues;
  file: string;
  fileBytes: number;
  fields: FieldEntry[];
}

/** Reads a run folder, also while it is being written. */
export interface ArchiveReader {
  readonly path: string;
  readonly info: RunInfo;
  readonly settings: Record<string, unknown>;
  readonly finished: boolean;
  readonly dropped: { step: number; reason: string }[];
  /** Committed steps in order. Rescans the folder. */
  steps(): Promise<number[]>;
  /** Throws NOT_FOUND, CORRUPT_STREAM (naming the file). */
  readStep(step: number): Promise<StepEntry>;
  /** The mesh block as of `step`; undefined when the archive keeps none. */
  readMesh(name: string, block: number, step: number): Promise<MeshBlock | undefined>;
  /** All bytes of mesh files. */
  meshBytes(): Promise<number>;
  /** Bytes of a mesh's arrays, all blocks, as the simulation held them at `step`; 0 for uniform grids. */
  meshRawBytes(name: string, step: number): Promise<number>;
}

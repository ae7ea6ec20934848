import type { ArchiveWriter } from '../archive/types.js';
import type { Codec, EncodeProgress } from '../codec/types.js';
import type { RunSettings } from '../config/types.js';
import type { StepSource, StepSummary } from '../protocol/source.js';
import type { Logger } from 'pino';

export interface PipelineOptions {
  source: StepSource;
  archive: ArchiveWriter;
  codec: Codec;
  settings: RunSettings;
  log: Logger;
  signal?: AbortSignal;
  onProgress?: (at: { step: number; field: string; block: number }, progress: EncodeProgress) => void;
  onStep?: (summary: StepSummary) => void;
}

export interface PipelineResult {
  steps: number;
  rawBytes: number;
  /** Every byte that this part of the run added to the folder, meshes aside. */
  storedBytes: number;
  dropped: number;
  /** Fields that failed, with the step; the rest of those steps was stored. */
  failures: { step: number; field: string; message: string }[];
}

/**
 * Runs one source into one archive: one chain per (field component, mesh, block), steps in order within a chain, chains in
 * parallel; a step is committed when all its blocks are encoded, and then acknowledged. Resolves when the source
 * completes and everything is durable; on abort finishes the steps that are complete, then resolves.
 */
export type RunPipeline = (options: PipelineOptions) => Promise<PipelineResult>;

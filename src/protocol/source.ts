import type { Observable } from 'rxjs';
import type { AskedTarget, FieldBlock } from './field.js';
import type { MeshBlock } from './mesh.js';
import type { StepValues } from './messages.js';

/** What the pipeline needs to know about a run before its first timestep. */
export interface RunInfo {
  run: string;
  ranks: number;
  client: string;
  meta?: Record<string, string | number>;
  /** Field glob -> target, as the simulation asked. The service's own settings come first. */
  targets?: Record<string, AskedTarget>;
}

export type SourceEvent =
  | { type: 'mesh'; mesh: MeshBlock }
  /** `release` must be called exactly once, when `field.data` is no longer needed: it returns the memory credit. */
  | { type: 'field'; field: FieldBlock; release: () => void }
  /** All blocks of this step have been emitted. Steps complete in increasing order. */
  | { type: 'step'; step: number; time: number; values?: StepValues }
  /** The step will never complete (a rank died or left): drop what came of it. */
  | { type: 'abandon'; step: number; reason: string };

/** What became durable, as told to a simulation, a log or a progress line. */
export interface StepSummary {
  step: number;
  time: number;
  rawBytes: number;
  storedBytes: number;
  /** From the beginning of its training until it was durable. */
  seconds: number;
  fields: FieldSummary[];
}
export interface FieldSummary {
  field: string;
  kind: FieldKind;
  rawBytes: number;
  storedBytes: number;
  psnr: number;
  maxError: number;
  iterations: number;
  trainSeconds: number;
  start: 'cold' | 'warm';
}
/**
 * gaussian: a trained model; bounded: a residual within a strict bound; lossless: deflated raw bytes; constant: one
 * value; empty: no values.
 */
export type FieldKind = 'gaussian' | 'bounded' | 'lossless' | 'constant' | 'empty';

/**
 * A run that delivers timesteps: a coupled simulation or an archive being replayed. `events` completes when the run
 * is finished and is subscribed once. Memory is bounded by the source: it delivers more only as fields are released.
 */
export interface StepSource {
  info: RunInfo;
  events: Observable<SourceEvent>;
  /**
   * Raw bytes it delivers before it waits for a release. The pipeline fixes the budgets of a step when the step is
   * complete, and starts before that when half of the window is held. Absent: it also starts when nothing comes.
   */
  window?: number;
  /** The step is durable. */
  committed(step: StepSummary): void;
  /** One field could not be stored (the rest of the step goes on), or, without `field`, the whole run failed. */
  failed(error: Error, at?: { step: number; field?: string }): void;
}

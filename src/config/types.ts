import type { Target } from '../protocol/field.js';

/** How a run is compressed: from run.yaml, command-line targets, or the simulation, in that order of precedence. */
export interface RunSettings {
  /** Field glob -> settings; the first match wins; '*' is what the command line sets. */
  fields: FieldSettings[];
  /** Training time per step, shared by the step's fields; 0 no limit. */
  secondsPerStep: number;
  /** Threads of the codec; 0 all processors. */
  threads: number;
  /** Where models are trained: cpu, cuda:N, or auto: the first card that is there, else the CPU. */
  device: string;
  /** Bytes of the card that may be used, 0: nine tenths of what is free. */
  deviceMemory: number;
  /** Bound on raw bytes held at once, bytes. */
  memory: number;
  /** Store mesh geometry or not. */
  mesh: 'store' | 'none';
  /** Every so many steps one that decodes without any other. */
  keyframe: number;
  /** Steps that the whole run will have, 0 unknown: what bytes per run are shared by. */
  expectedSteps: number;
  /** Bounded fields: bytes of the model beside the residual, of what the block takes without; 0 none. */
  modelShare: ModelShare;
}

/** A share, the size that costs little, or the one that makes blocks without history shortest. */
export type ModelShare = number | 'auto' | 'best';

/**
 * How a field with a target of bytes or quality is stored: as Gaussian models, as residuals with the bound that meets the
 * target, or, block by block, as what is better (pipeline/choose.ts).
 */
export type Coder = 'auto' | 'gaussian' | 'residual';
export const CODERS = ['auto', 'gaussian', 'residual'] as const satisfies readonly Coder[];

export interface FieldSettings {
  match: string;
  /** Absent: the next match, then what the simulation asked, then the default (ratio 100). */
  target?: Target;
  coder?: Coder;
  optimiser?: 'lm' | 'adam';
  iterations?: number;
  /** Value that marks places without one: kept exactly. */
  fill?: number;
  /** false: stored losslessly. */
  model?: boolean;
  /** Absent: the run's. */
  modelShare?: ModelShare;
}

/** What a device may be called. */
export const DEVICE = /^(auto|cpu|cuda:\d{1,3})$/;
export const DEFAULT_DEVICE = 'cpu';
export const DEFAULT_KEYFRAME = 16;
export const DEFAULT_CODER: Coder = 'gaussian';
export const DEFAULT_TARGET: Target = { ratio: 100 };

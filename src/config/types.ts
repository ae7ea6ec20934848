import type { Target } from '../protocol/field.js';

/** How a run is compressed: from run.yaml, command-line targets, or the simulation, in that order of precedence. */
export interface RunSettings {
  /** Field glob -> settings; the first match wins; '*' is what the command line sets. */
  fields: FieldSettings[];
  /** Training time per step, shared by the step's fields; 0 no limit. */
  secondsPerStep: number;
  /** Threads of the codec; 0 all processors. */
  threads: number;
  /** Bound on raw bytes held at once, bytes. */
  memory: number;
  /** Store mesh geometry or not. */
  mesh: 'store' | 'none';
  /** Bounded fields: every so many steps one that decodes without any other. */
  keyframe: number;
}

export interface FieldSettings {
  match: string;
  /** Absent: the next match, then what the simulation asked, then the default (ratio 100). */
  target?: Target;
  optimiser?: 'lm' | 'adam';
  iterations?: number;
  /** Value that marks places without one: kept exactly. */
  fill?: number;
  /** false: stored losslessly. */
  model?: boolean;
}

export const DEFAULT_KEYFRAME = 16;
export const DEFAULT_TARGET: Target = { ratio: 100 };

import type { Target } from '../protocol/field.js';
import { matchesGlob } from './glob.js';
import { DEFAULT_CODER, DEFAULT_TARGET, type Coder, type ModelShare, type RunSettings } from './types.js';

/** What applies to one field in the end. */
export interface FieldPlan {
  target: Target;
  /** Fields with the same group share a `bytes` target, in proportion to their raw bytes. */
  group: string;
  optimiser?: 'lm' | 'adam';
  iterations?: number;
  fill?: number;
  /** false: stored losslessly. */
  model: boolean;
  /** Of no meaning under a strict bound, which always takes a residual. */
  coder: Coder;
  /** Of a bounded field. */
  modelShare: ModelShare;
}

/**
 * Each setting comes from the first entry that matches the field and has it: command line, run.yaml, then what the
 * simulation asked (with the field, then in its hello), then the default. `name` is tried first as the component
 * (velocity_x), then as the field (velocity).
 */
export function resolveField(
  settings: RunSettings,
  names: { component: string; field: string },
  asked: { target?: Target; targets?: Record<string, Target> },
): FieldPlan {
  const matches = (glob: string): boolean =>
    matchesGlob(glob, names.component) || matchesGlob(glob, names.field);
  const entries = settings.fields.map((entry, index) => ({ ...entry, group: `settings ${index}` }));
  const own = entries.filter((entry) => matches(entry.match));
  const plan: FieldPlan = {
    ...targetOf(own, names, asked, matches),
    model: own.find((entry) => entry.model !== undefined)?.model ?? true,
    coder: own.find((entry) => entry.coder !== undefined)?.coder ?? DEFAULT_CODER,
    modelShare: own.find((entry) => entry.modelShare !== undefined)?.modelShare ?? settings.modelShare,
  };
  const optimiser = own.find((entry) => entry.optimiser !== undefined)?.optimiser;
  const iterations = own.find((entry) => entry.iterations !== undefined)?.iterations;
  const fill = own.find((entry) => entry.fill !== undefined)?.fill;
  if (fill !== undefined) plan.fill = fill;
  if (optimiser !== undefined) plan.optimiser = optimiser;
  if (iterations !== undefined) plan.iterations = iterations;
  return plan;
}

function targetOf(
  own: readonly { target?: Target; group: string }[],
  names: { field: string },
  asked: { target?: Target; targets?: Record<string, Target> },
  matches: (glob: string) => boolean,
): { target: Target; group: string } {
  for (const entry of own) if (entry.target) return { target: entry.target, group: entry.group };
  if (asked.target) return { target: asked.target, group: `field ${names.field}` };
  for (const [glob, target] of Object.entries(asked.targets ?? {})) {
    if (matches(glob)) return { target, group: `asked ${glob}` };
  }
  return { target: DEFAULT_TARGET, group: 'default' };
}

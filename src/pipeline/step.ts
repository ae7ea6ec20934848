import type { MeshBlock } from '../protocol/mesh.js';
import type { StepValues } from '../protocol/messages.js';
import type { BlockJob, StepPlan } from './job.js';
import type { TrainResult } from './train.js';

/** A field that waits for its step's plan, with the way to give its memory back. */
export interface HeldField {
  jobs: BlockJob[];
  bytes: number;
  release: () => void;
}

/** Whether a step will be in the archive; holds nothing of its data. */
export interface StepFate {
  /** Counts the steps of a run as they appear. */
  readonly index: number;
  /** All of it has come: it will be committed, unless the run fails. */
  complete: boolean;
  /** Aborted: it was given up. */
  readonly signal: AbortSignal;
}

/** One timestep on its way from the first field to the commit. */
export class StepAssembly {
  /** Fields whose training has not been started. */
  held: HeldField[] = [];
  /** Every job of the step so far. */
  readonly jobs: BlockJob[] = [];
  readonly chains = new Set<string>();
  readonly meshes = new Set<MeshBlock>();
  /** Settle when the jobs that were started are done; never reject. */
  readonly running: Promise<void>[] = [];
  readonly trained: ({ job: BlockJob } & TrainResult)[] = [];
  values: StepValues | undefined;
  readonly controller = new AbortController();
  readonly fate: StepFate;

  constructor(
    readonly step: number,
    public time: number,
    /** Counts the assemblies of a run. */
    index: number,
  ) {
    this.fate = { index, complete: false, signal: this.controller.signal };
  }

  hold(field: HeldField): void {
    this.held.push(field);
    for (const job of field.jobs) {
      this.jobs.push(job);
      this.chains.add(job.chain);
      this.meshes.add(job.mesh);
    }
  }

  /** Sums over the jobs known so far; of an incomplete step, no less than the step before it had. */
  plan(before: StepPlan | undefined, complete: boolean): StepPlan {
    const groupRawBytes = new Map<string, number>();
    const blocksOfField = new Map<string, number>();
    let rawBytes = 0;
    for (const job of this.jobs) {
      rawBytes += job.rawBytes;
      add(groupRawBytes, job.plan.group, job.rawBytes);
      add(blocksOfField, job.name, 1);
    }
    const plan = { blocks: this.jobs.length, rawBytes, groupRawBytes, blocksOfField };
    if (complete || !before) return plan;
    return {
      blocks: Math.max(plan.blocks, before.blocks),
      rawBytes: Math.max(plan.rawBytes, before.rawBytes),
      groupRawBytes: larger(groupRawBytes, before.groupRawBytes),
      blocksOfField: larger(blocksOfField, before.blocksOfField),
    };
  }

  /** Stops what was started and gives back the memory of what was not. */
  discard(): void {
    this.controller.abort();
    for (const field of this.held.splice(0)) field.release();
  }
}

function add(map: Map<string, number>, key: string, value: number): void {
  map.set(key, (map.get(key) ?? 0) + value);
}

function larger(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): Map<string, number> {
  const out = new Map(b);
  for (const [key, value] of a) out.set(key, Math.max(value, b.get(key) ?? 0));
  return out;
}

import type { Logger } from 'pino';
import type { ArchiveWriter, FieldRecord } from '../archive/types.js';
import type { RunSettings } from '../config/types.js';
import type { Codec, EncodeProgress } from '../codec/types.js';
import { Budgets } from './budget.js';
import { BoundedChains } from './bounded.js';
import { WarmStarts } from './chain.js';
import { encodeBlock } from './encode_block.js';
import type { BlockJob, StepPlan } from './job.js';
import { Slots } from './slots.js';
import type { StepFate } from './step.js';

export interface TrainRequest {
  job: BlockJob;
  plan: StepPlan;
  order: number;
  signal: AbortSignal;
}
export interface TrainResult {
  record: FieldRecord;
  /** Bytes it was booked with: payload and its share of the overhead. */
  cost: number;
  /** Date.now() when its training began. */
  begun: number;
}

export interface TrainerOptions {
  archive: ArchiveWriter;
  codec: Codec;
  settings: Pick<RunSettings, 'keyframe' | 'mesh'>;
  secondsPerStep: number;
  log: Logger;
  onProgress?: (at: { step: number; field: string; block: number }, progress: EncodeProgress) => void;
}

/** Trains one block at a time per chain: budget, warm start, encoding, bookkeeping. */
export class Trainer {
  readonly budgets: Budgets;
  private readonly warm: WarmStarts;
  private readonly bounded: BoundedChains;
  // Blocks share the codec's pool; as many at once as it has threads keep it busy while one of them is
  // in a serial part, and bound the codec's working memory.
  private readonly slots: Slots;

  constructor(private readonly options: TrainerOptions) {
    this.budgets = new Budgets(options.archive);
    this.bounded = new BoundedChains(options.codec, options.settings);
    this.warm = new WarmStarts(options.archive, options.log);
    this.slots = new Slots(Math.max(1, options.codec.threads()));
  }

  /** Jobs of a step that begin together, before any of them is trained. Each must be settled in the end. */
  announce(jobs: readonly BlockJob[], order: number, fate: StepFate): void {
    this.bounded.announce(jobs, order, fate);
  }

  /** The job is done, failed or given up: nobody waits for it any more. */
  settled(job: BlockJob): void {
    this.bounded.settled(job);
  }

  async train({ job, plan, order, signal }: TrainRequest): Promise<TrainResult> {
    // Before it takes a slot: who is waited for needs one.
    const references = await this.bounded.references(job);
    return this.slots.use(job.field.step, async () => {
      signal.throwIfAborted();
      const begun = Date.now();
      const { onProgress, codec, log } = this.options;
      const target = this.budgets.target(job, plan, order);
      const at = { step: job.field.step, field: job.name, block: job.mesh.block };
      const record = await encodeBlock(job, {
        codec,
        target,
        seconds: this.seconds(job, plan),
        previous: references ? undefined : await this.warm.previous(job),
        ...(references && { bounded: () => this.bounded.encode(job, references, signal) }),
        signal,
        ...(onProgress && { onProgress: (progress: EncodeProgress) => onProgress(at, progress) }),
      });
      const bytes = record.payload.length;
      log.debug(
        { ...at, target, bytes, kind: record.kind, seconds: (Date.now() - begun) / 1000 },
        'block encoded',
      );
      this.warm.keep(job, record.kind === 'gaussian' ? record.payload : undefined);
      return { record, begun, cost: this.budgets.spend(job, plan, order, bytes) };
    });
  }

  /** The block's share of the step's time, by raw bytes; blocks that train at once each get more of it. */
  private seconds(job: BlockJob, plan: StepPlan): number {
    const atOnce = Math.min(this.slots.count, plan.blocks);
    return (this.options.secondsPerStep * job.rawBytes * atOnce) / Math.max(1, plan.rawBytes);
  }
}

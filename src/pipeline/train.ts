import type { Logger } from 'pino';
import type { ArchiveWriter, FieldRecord } from '../archive/types.js';
import type { RunSettings } from '../config/types.js';
import type { BoundedRequest, Codec, EncodeProgress, EncodeTarget, FieldState } from '../codec/types.js';
import { GaussituError } from '../errors.js';
import { isBound } from '../protocol/field.js';
import { Budgets } from './budget.js';
import { BoundedChains } from './bounded.js';
import { WarmStarts } from './chain.js';
import { Choices } from './choose.js';
import { encodeBlock, type EncodeContext } from './encode_block.js';
import type { BlockJob, StepPlan } from './job.js';
import { Slots } from './slots.js';
import type { StepFate } from './step.js';

export interface TrainRequest {
  job: BlockJob;
  plan: StepPlan;
  order: number;
  fate: StepFate;
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
  settings: Pick<RunSettings, 'keyframe' | 'mesh' | 'expectedSteps'>;
  secondsPerStep: number;
  log: Logger;
  onProgress?: (at: { step: number; field: string; block: number }, progress: EncodeProgress) => void;
}

/** Trains one block at a time per chain: budget, warm start, encoding, bookkeeping. */
export class Trainer {
  readonly budgets: Budgets;
  private readonly warm: WarmStarts;
  private readonly bounded: BoundedChains;
  private readonly choices = new Choices();
  // Blocks share the codec's pool; as many at once as it has threads keep it busy while one of them is
  // in a serial part, and bound the codec's working memory.
  private readonly slots: Slots;

  constructor(private readonly options: TrainerOptions) {
    this.budgets = new Budgets(options.archive, options.settings.expectedSteps);
    this.bounded = new BoundedChains(options.codec, options.settings);
    this.warm = new WarmStarts(options.archive, options.codec, options.settings.keyframe, options.log);
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

  async train(request: TrainRequest): Promise<TrainResult> {
    const { job, plan, order, fate, signal } = request;
    signal.throwIfAborted();
    const started = Date.now();
    let begun: number | undefined;
    const slot = <T>(work: () => Promise<T>): Promise<T> =>
      this.slots.use(job.field.step, () => {
        signal.throwIfAborted();
        begun ??= Date.now();
        return work();
      });
    const { onProgress, codec, log } = this.options;
    const target = this.budgets.target(job, plan, order);
    const at = { step: job.field.step, field: job.name, block: job.mesh.block };
    let model: Uint8Array | undefined;
    const record = await encodeBlock(job, {
      codec,
      target,
      seconds: this.seconds(job, plan),
      previous: () => this.warm.previous(job, fate),
      onModel: (whole) => {
        model = whole;
      },
      ...(this.bounded.has(job) && this.residual(request, target, slot, () => model)),
      slot,
      signal,
      ...(onProgress && { onProgress: (progress: EncodeProgress) => onProgress(at, progress) }),
    });
    const bytes = record.payload.length;
    log.debug(
      {
        ...at,
        target,
        bytes,
        kind: record.kind,
        device: record.certificate.device ?? 'cpu',
        seconds: (Date.now() - started) / 1000,
      },
      'block encoded',
    );
    this.warm.keep(job, fate, record.kind === 'gaussian' ? model : undefined);
    return { record, begun: begun ?? started, cost: this.budgets.spend(job, plan, order, bytes) };
  }

  /** How a block that is, or may be, a residual is stored. */
  private residual(
    { job, plan, signal }: TrainRequest,
    target: EncodeTarget,
    slot: EncodeContext['slot'],
    whole: () => Uint8Array | undefined,
  ): Pick<EncodeContext, 'bounded' | 'choose'> {
    const { bounded, choices } = this;
    const earlier = bounded.earlier(job);
    let state: FieldState | undefined;
    const encode = async () => {
      // Before it takes a slot: who is waited for needs one.
      const siblings = await bounded.siblings(job);
      const asked = isBound(job.plan.target) ? job.plan.target : rateOf(target);
      const coded = await slot(() => bounded.encode(job, asked, { earlier, siblings }, signal));
      ({ state } = coded.result);
      return coded;
    };
    if (isBound(job.plan.target)) {
      return {
        bounded: async () => {
          const coded = await encode();
          bounded.keep(job, coded.result.payload.length, state);
          return coded;
        },
      };
    }
    const seconds = this.seconds(job, plan);
    return {
      bounded: encode,
      choose: async (ways, specials) => {
        const history = earlier.length > 0;
        const record = await choices.choose({ job, target, seconds, history, specials }, ways);
        if (record.kind === 'gaussian') state = await slot(() => this.decoded(job, whole()));
        bounded.keep(job, record.payload.length, state);
        return record;
      },
    };
  }

  /** A model as a reader of the archive will see it; undefined where it will not have the mesh. */
  private async decoded(job: BlockJob, payload: Uint8Array | undefined): Promise<FieldState | undefined> {
    if (!payload || !this.bounded.hasGeometry(job)) return undefined;
    const { codec } = this.options;
    const { mesh, field } = job;
    const at = { mesh: mesh.mesh, ...(mesh.ghost && { ghost: mesh.ghost }), association: field.association };
    const { values } = await codec.decode(payload, at, field.dtype === 'f64' ? 'f64' : 'f32');
    return codec.stateOf(values);
  }

  /** The block's share of the step's time, by raw bytes; blocks that train at once each get more of it. */
  private seconds(job: BlockJob, plan: StepPlan): number {
    const atOnce = Math.min(this.slots.count, plan.blocks);
    return (this.options.secondsPerStep * job.rawBytes * atOnce) / Math.max(1, plan.rawBytes);
  }
}

/** A target of the codec that a bound can be searched for. */
function rateOf(target: EncodeTarget): BoundedRequest['target'] {
  if ('gaussians' in target) throw new GaussituError('INTERNAL', 'a number of Gaussians is no rate');
  return target;
}

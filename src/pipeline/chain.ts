import type { Logger } from 'pino';
import { ModelChain } from '../archive/model_chain.js';
import type { ArchiveWriter } from '../archive/types.js';
import type { Codec } from '../codec/types.js';
import type { BlockJob } from './job.js';
import type { StepFate } from './step.js';

/** Where a model's training starts. */
export interface WarmStart {
  /** A model that stands alone. */
  payload: Uint8Array;
  /** Step of the archive that the next model may hold changes to; absent: it has to stand alone. */
  step?: number;
}

interface Chain {
  payload: Uint8Array;
  step: number;
  fate: StepFate;
}

/**
 * The last model of every chain, for warm starts and to refer to: to complete steps only, back to the last keyframe at
 * most. After a restart models come from the archive, to start from; the first step then stands alone.
 */
export class WarmStarts {
  private readonly chains = new Map<string, { last: Chain | undefined; shape: string }>();
  private readonly models: ModelChain;

  constructor(
    private readonly archive: Pick<ArchiveWriter, 'previousModel' | 'readStep' | 'lastStep'>,
    codec: Pick<Codec, 'resolve'>,
    private readonly keyframe: number,
    private readonly log: Logger,
  ) {
    this.models = new ModelChain(
      (step) => archive.readStep(step),
      (payload, previous) => codec.resolve(payload, previous),
    );
  }

  /** Undefined for a cold start: the first step, or another shape than before. */
  async previous(job: BlockJob, fate: StepFate): Promise<WarmStart | undefined> {
    const shape = shapeOf(job);
    const state = this.chains.get(job.chain);
    if (!state) return this.stored(job);
    if (state.shape === shape) return state.last && this.start(state.last, job, fate);
    this.log.info(
      { step: job.field.step, field: job.name, block: job.mesh.block, before: state.shape, now: shape },
      `${job.name} changed shape: cold start`,
    );
    return undefined;
  }

  /** `payload`: the model, standing alone; absent when the block was not stored as one, the last is then kept. */
  keep(job: BlockJob, fate: StepFate, payload: Uint8Array | undefined): void {
    const shape = shapeOf(job);
    const state = this.chains.get(job.chain);
    const before = state?.shape === shape ? state.last : undefined;
    this.chains.set(job.chain, {
      last: payload ? { payload, step: job.field.step, fate } : before,
      shape,
    });
  }

  private async stored(job: BlockJob): Promise<WarmStart | undefined> {
    const entry = await this.archive.previousModel(job.name, job.mesh.name, job.mesh.block);
    if (!entry?.payload.length) return undefined;
    const { payload } = await this.models.whole(this.archive.lastStep, entry);
    return { payload };
  }

  private start({ payload, step, fate }: Chain, job: BlockJob, now: StepFate): WarmStart {
    const group = (of: StepFate): number => Math.floor(of.index / this.keyframe);
    const may = fate.complete && !fate.signal.aborted && group(fate) === group(now) && step < job.field.step;
    return { payload, ...(may && { step }) };
  }
}

function shapeOf({ field, mesh, box }: BlockJob): string {
  return `${mesh.mesh.kind} ${field.association} ${box.dims.join('x')}`;
}

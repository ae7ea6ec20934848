import type { Logger } from 'pino';
import type { ArchiveWriter } from '../archive/types.js';
import type { BlockJob } from './job.js';

/**
 * The last payload of every chain, for warm starts. Only payloads are kept, and after a restart they come from the
 * archive, so a service that was restarted goes on with the same bytes as one that was not.
 */
export class WarmStarts {
  private readonly chains = new Map<string, { payload: Uint8Array | undefined; shape: string }>();

  constructor(
    private readonly archive: Pick<ArchiveWriter, 'previousPayload'>,
    private readonly log: Logger,
  ) {}

  /** Payload to start from; undefined for a cold start: the first step, or another shape than before. */
  async previous(job: BlockJob): Promise<Uint8Array | undefined> {
    const shape = shapeOf(job);
    const state = this.chains.get(job.chain);
    if (!state) {
      const payload = await this.archive.previousPayload(job.name, job.mesh.name, job.mesh.block);
      return payload?.length ? payload : undefined;
    }
    if (state.shape === shape) return state.payload;
    this.log.info(
      { step: job.field.step, field: job.name, block: job.mesh.block, before: state.shape, now: shape },
      `${job.name} changed shape: cold start`,
    );
    return undefined;
  }

  /** `payload` is absent when the block was not stored as a model; the last model is then kept. */
  keep(job: BlockJob, payload: Uint8Array | undefined): void {
    const shape = shapeOf(job);
    const state = this.chains.get(job.chain);
    this.chains.set(job.chain, {
      payload: payload ?? (state?.shape === shape ? state.payload : undefined),
      shape,
    });
  }
}

function shapeOf({ field, mesh, box }: BlockJob): string {
  return `${mesh.mesh.kind} ${field.association} ${box.dims.join('x')}`;
}

import { GaussituError } from '../errors.js';
import type { FieldEntry, StepEntry } from './types.js';

/** Makes a payload that holds changes to a model whole (Codec.resolve). */
type Resolve = (payload: Uint8Array, previous: Uint8Array) => Promise<Uint8Array>;

/**
 * Models that hold what changed since an earlier step, made whole: back to the last keyframe at most. The last whole
 * model of each chain is kept, so that walking through a run applies each change once.
 */
export class ModelChain {
  private readonly kept = new Map<string, { step: number; payload: Uint8Array }>();

  constructor(
    private readonly readStep: (step: number) => Promise<StepEntry>,
    private readonly resolve: Resolve,
  ) {}

  /** The entry with a model that stands alone; any other kind as it is. Throws CORRUPT_STREAM, NOT_FOUND. */
  async whole(step: number, entry: FieldEntry): Promise<FieldEntry> {
    if (entry.kind !== 'gaussian') return entry;
    const key = JSON.stringify([entry.name, entry.mesh, entry.block]);
    const changes: { step: number; entry: FieldEntry }[] = [];
    let at = { step, entry };
    let payload: Uint8Array | undefined;
    for (;;) {
      const kept = this.kept.get(key);
      if (kept?.step === at.step) {
        ({ payload } = kept);
        break;
      }
      const before = at.entry.references?.earlier[0];
      if (before === undefined) {
        ({ payload } = at.entry);
        break;
      }
      changes.push(at);
      if (before >= at.step) throw damaged(step, entry, `step ${at.step} refers to step ${before}`);
      at = { step: before, entry: await this.find(before, entry, step) };
    }
    for (const change of changes.toReversed()) {
      try {
        payload = await this.resolve(change.entry.payload, payload);
      } catch (cause) {
        throw change.step === step ? cause : dependency(step, change.step, cause);
      }
    }
    this.kept.set(key, { step, payload });
    const { references: _, ...alone } = entry;
    return { ...alone, payload };
  }

  private async find(step: number, like: FieldEntry, wanted: number): Promise<FieldEntry> {
    const { fields } = await this.readStep(step).catch((cause: unknown) => {
      throw dependency(wanted, step, cause);
    });
    const found = fields.find((f) => f.name === like.name && f.mesh === like.mesh && f.block === like.block);
    if (found?.kind === 'gaussian') return found;
    throw damaged(wanted, like, `it refers to a model at step ${step}, which is not there`);
  }
}

/** A field of a step that says impossible things of the blocks it needs. */
export function damaged(step: number, entry: FieldEntry, received: string): GaussituError {
  return new GaussituError('CORRUPT_STREAM', `step ${step}, field ${entry.name}, block ${entry.block}`, {
    received,
  });
}

/** What went wrong in a step that another one needs. */
export function dependency(wanted: number, step: number, cause: unknown): GaussituError {
  const inner = cause instanceof GaussituError ? cause : undefined;
  return new GaussituError(
    inner?.code ?? 'CORRUPT_STREAM',
    `step ${wanted} needs step ${step} of its keyframe group: ${cause instanceof Error ? cause.message : String(cause)}`,
    { cause },
  );
}

import type { BlockReferences } from '../archive/types.js';
import type { BoundedResult, Codec, FieldState } from '../codec/types.js';
import type { RunSettings } from '../config/types.js';
import { GaussituError } from '../errors.js';
import { isBound } from '../protocol/field.js';
import type { BlockJob } from './job.js';
import type { StepFate } from './step.js';

/** Fields of the same step that are offered as siblings; the codec chooses at most two of them. */
const MAX_OFFERED = 8;
/** Earlier steps that a block refers to. */
const HISTORY = 2;

/** A decoded block that others may refer to; holds nothing of the raw data. */
interface Offer {
  name: string;
  step: number;
  /** Dtype, association and number of values: references must agree in it. */
  shape: string;
  fate: StepFate;
  state: FieldState;
}

/** What a job may refer to, fixed when its step begins. */
interface Place {
  fate: StepFate;
  siblings: Place[];
  done: Promise<void>;
  settle: () => void;
  offer?: Offer;
}

/** Decoded blocks for one job to refer to. */
export interface Offers {
  earlier: Offer[];
  siblings: Offer[];
}

/**
 * History and siblings of the fields with a strict bound. A block refers to the last two steps of its chain, back to
 * the last keyframe at most, and to fields of its own step that come before it by name, on the same mesh and block. Only
 * steps that are complete are referred to: one that may still be abandoned is left out. States are kept in memory, not
 * read back, so the first step after a restart is a keyframe.
 */
export class BoundedChains {
  private readonly places = new Map<BlockJob, Place>();
  private readonly history = new Map<string, Offer[]>();

  constructor(
    private readonly codec: Codec,
    private readonly settings: Pick<RunSettings, 'keyframe' | 'mesh'>,
  ) {}

  announce(jobs: readonly BlockJob[], fate: StepFate): void {
    const groups = new Map<string, Place[]>();
    for (const job of jobs.filter(isBounded).toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      const key = JSON.stringify([job.mesh.name, job.mesh.block, shapeOf(job)]);
      const before = groups.get(key) ?? [];
      let settle!: () => void;
      const done = new Promise<void>((resolve) => {
        settle = resolve;
      });
      const place = { fate, siblings: before.slice(-MAX_OFFERED), done, settle };
      this.places.set(job, place);
      groups.set(key, [...before, place]);
    }
  }

  /** What the job may refer to, once it has been decoded; undefined when the job has no strict bound. */
  async references(job: BlockJob): Promise<Offers | undefined> {
    const place = this.places.get(job);
    if (!place) return undefined;
    await Promise.all(place.siblings.map((sibling) => sibling.done));
    const shape = shapeOf(job);
    const earlier = (this.history.get(job.chain) ?? []).filter(
      (offer) =>
        offer.fate.complete &&
        !offer.fate.signal.aborted &&
        this.group(offer.fate) === this.group(place.fate) &&
        offer.step < job.field.step &&
        offer.shape === shape,
    );
    return { earlier, siblings: place.siblings.flatMap((sibling) => sibling.offer ?? []) };
  }

  async encode(
    job: BlockJob,
    { earlier, siblings }: Offers,
    signal: AbortSignal,
  ): Promise<{ result: BoundedResult; references?: BlockReferences }> {
    const { field, mesh, plan } = job;
    const { target } = plan;
    const place = this.places.get(job);
    if (!isBound(target) || !place || (field.dtype !== 'f32' && field.dtype !== 'f64')) {
      throw new GaussituError('INTERNAL', `field ${job.name} has no bound`);
    }
    const fill = plan.fill ?? field.fill;
    const result = await this.codec.encodeBounded({
      ...(this.hasGeometry(job)
        ? { mesh: mesh.mesh, ...(mesh.ghost && { ghost: mesh.ghost }), association: field.association }
        : { values: job.box.count }),
      dtype: field.dtype,
      data: field.data,
      components: field.components,
      component: job.component,
      target,
      ...(fill !== undefined && { fills: [fill] }),
      earlier: earlier.map((offer) => offer.state),
      siblings: siblings.map((offer) => offer.state),
      signal,
    });
    const offer = {
      name: job.name,
      step: field.step,
      shape: shapeOf(job),
      fate: place.fate,
      state: result.state,
    };
    place.offer = offer;
    this.history.set(job.chain, [offer, ...earlier].slice(0, HISTORY));
    const references = {
      earlier: result.usesEarlier ? earlier.map((o) => o.step) : [],
      siblings: result.siblings.flatMap((i) => siblings[i]?.name ?? []),
    };
    const some = references.earlier.length + references.siblings.length > 0;
    return { result, ...(some && { references }) };
  }

  /** The job is done, failed or given up. */
  settled(job: BlockJob): void {
    this.places.get(job)?.settle();
    this.places.delete(job);
  }

  private group(fate: StepFate): number {
    return Math.floor(fate.index / this.settings.keyframe);
  }

  /** Whether a reader of the archive will have the mesh. */
  private hasGeometry({ mesh }: BlockJob): boolean {
    return this.settings.mesh === 'store' || mesh.mesh.kind === 'uniform' || mesh.mesh.kind === 'rectilinear';
  }
}

function isBounded({ plan, field, box }: BlockJob): boolean {
  return (
    isBound(plan.target) && plan.model && box.count > 0 && (field.dtype === 'f32' || field.dtype === 'f64')
  );
}

function shapeOf({ field, box }: BlockJob): string {
  return `${field.dtype} ${field.association} ${box.count}`;
}

import type { BlockReferences } from '../archive/types.js';
import type { BoundedRequest, BoundedResult, Codec, FieldState } from '../codec/types.js';
import type { RunSettings } from '../config/types.js';
import { GaussituError } from '../errors.js';
import { blankGhosts, ghostMarks } from '../protocol/ghosts.js';
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

/** A job that is under way, and what became of it. */
interface Place {
  chain: string;
  name: string;
  fate: StepFate;
  group: Group;
  done: Promise<void>;
  settle: () => void;
  offer?: Offer;
}

/** Jobs of one step that may refer to each other: same mesh, block, type and association. */
interface Group {
  /** Of the step, counting committed steps. */
  order: number;
  /** In decoding order once it is `sorted`. */
  places: Place[];
  sorted: boolean;
}

/** Decoded blocks for one job to refer to. */
export interface Offers {
  earlier: readonly Offer[];
  siblings: readonly Offer[];
}

/**
 * History and siblings of the fields that may be stored as residuals: with a strict bound, or as `coder` chooses. A model
 * that was chosen is a reference as well. A block refers to the last two steps of its chain, back to
 * the last keyframe at most, and to fields of its own step that come before it. The most expensive field comes first, as it
 * knows most about the others (gray_scott: v, then u is 19 % less in all than u, then v): by the payloads of the last step
 * but one, which is durable by then, so that the order does not depend on timing; without these by name. Only steps that are complete are referred to: one that may still be abandoned is left out. States are kept in memory, not
 * read back, so the first step after a restart is a keyframe.
 */
export class BoundedChains {
  private readonly places = new Map<BlockJob, Place>();
  private readonly history = new Map<string, Offer[]>();
  /** Payload bytes by step order and chain, of the last few steps. */
  private readonly sizes = new Map<number, Map<string, number>>();
  /** Last bound of each chain, to begin the next search with. */
  private readonly bounds = new Map<string, number>();
  /** Of the step before: where the next one's training begins. */
  private readonly models = new Map<string, Uint8Array>();

  constructor(
    private readonly codec: Codec,
    private readonly settings: Pick<RunSettings, 'keyframe' | 'mesh'>,
  ) {}

  announce(jobs: readonly BlockJob[], order: number, fate: StepFate): void {
    const groups = new Map<string, Group>();
    for (const job of jobs.filter((j) => this.mayRefer(j))) {
      const key = JSON.stringify([job.mesh.name, job.mesh.block, shapeOf(job)]);
      const group = groups.get(key) ?? { order, places: [], sorted: false };
      groups.set(key, group);
      let settle!: () => void;
      const done = new Promise<void>((resolve) => {
        settle = resolve;
      });
      const place = { chain: job.chain, name: job.name, fate, group, done, settle };
      group.places.push(place);
      this.places.set(job, place);
    }
  }

  /** Whether the job is, or may be, stored as a residual. */
  has(job: BlockJob): boolean {
    return this.places.has(job);
  }

  /** The steps that the job may refer to; to be asked when its chain has come to it. */
  earlier(job: BlockJob): readonly Offer[] {
    const place = this.place(job);
    const shape = shapeOf(job);
    return (this.history.get(job.chain) ?? []).filter(
      (offer) =>
        offer.fate.complete &&
        !offer.fate.signal.aborted &&
        this.group(offer.fate) === this.group(place.fate) &&
        offer.step < job.field.step &&
        offer.shape === shape,
    );
  }

  /** The fields of its step that the job may refer to, once they have been decoded. */
  async siblings(job: BlockJob): Promise<readonly Offer[]> {
    const before = this.before(this.place(job));
    await Promise.all(before.map((sibling) => sibling.done));
    return before.flatMap((sibling) => sibling.offer ?? []);
  }

  async encode(
    job: BlockJob,
    target: BoundedRequest['target'],
    { earlier, siblings }: Offers,
    signal: AbortSignal,
  ): Promise<{ result: BoundedResult; references?: BlockReferences }> {
    const { field, mesh, plan } = job;
    if (field.dtype !== 'f32' && field.dtype !== 'f64') {
      throw new GaussituError('INTERNAL', `field ${job.name} cannot have a bound`);
    }
    const guess = this.bounds.get(job.chain);
    const fill = plan.fill ?? field.fill;
    const previousModel = this.models.get(job.chain);
    const result = await this.codec.encodeBounded({
      ...(this.hasGeometry(job)
        ? { mesh: mesh.mesh, ...(mesh.ghost && { ghost: mesh.ghost }), association: field.association }
        : { values: job.box.count }),
      dtype: field.dtype,
      data: blankGhosts(field.data, field.dtype, field.components, ghostMarks(mesh, field.association)),
      components: field.components,
      component: job.component,
      target,
      ...(guess !== undefined && { guess }),
      modelShare: plan.modelShare,
      ...(previousModel && { previousModel }),
      ...(fill !== undefined && { fills: [fill] }),
      earlier: earlier.map((offer) => offer.state),
      siblings: siblings.map((offer) => offer.state),
      signal,
    });
    if (result.bound > 0) this.bounds.set(job.chain, result.bound);
    if (result.model) this.models.set(job.chain, this.codec.modelOf(result.payload).slice());
    const references = {
      earlier: result.usesEarlier ? earlier.map((o) => o.step) : [],
      siblings: result.siblings.flatMap((i) => siblings[i]?.name ?? []),
    };
    const some = references.earlier.length + references.siblings.length > 0;
    return { result, ...(some && { references }) };
  }

  /** What the job was stored as, for others to refer to; without a state nobody does. */
  keep(job: BlockJob, bytes: number, state: FieldState | undefined): void {
    const place = this.place(job);
    this.note(place, bytes);
    if (!state) return;
    const { name, field } = job;
    const offer = { name, step: field.step, shape: shapeOf(job), fate: place.fate, state };
    place.offer = offer;
    this.history.set(job.chain, [offer, ...this.earlier(job)].slice(0, HISTORY));
  }

  /** The job is done, failed or given up. */
  settled(job: BlockJob): void {
    this.places.get(job)?.settle();
    this.places.delete(job);
  }

  /** Where the archive has no geometry a model is asked for, not the samples: auto then takes models only. */
  private mayRefer(job: BlockJob): boolean {
    const { plan, field, box } = job;
    const float = field.dtype === 'f32' || field.dtype === 'f64';
    if (!plan.model || box.count === 0 || !float) return false;
    return (
      isBound(plan.target) || plan.coder === 'residual' || (plan.coder === 'auto' && this.hasGeometry(job))
    );
  }

  private place(job: BlockJob): Place {
    const place = this.places.get(job);
    if (!place) throw new GaussituError('INTERNAL', `field ${job.name} is not stored as a residual`);
    return place;
  }

  /** Those of its group that are decoded before it. */
  private before(place: Place): Place[] {
    const { group } = place;
    if (!group.sorted) {
      const sizes = this.sizes.get(group.order - 2);
      const size = ({ chain }: Place): number => sizes?.get(chain) ?? 0;
      group.places.sort((a, b) => size(b) - size(a) || (a.name < b.name ? -1 : 1));
      group.sorted = true;
    }
    const at = group.places.indexOf(place);
    return group.places.slice(Math.max(0, at - MAX_OFFERED), at);
  }

  private note({ chain, group: { order } }: Place, bytes: number): void {
    const sizes = this.sizes.get(order) ?? new Map<string, number>();
    this.sizes.set(order, sizes.set(chain, bytes));
    for (const old of this.sizes.keys()) if (old < order - 8) this.sizes.delete(old);
  }

  private group(fate: StepFate): number {
    return Math.floor(fate.index / this.settings.keyframe);
  }

  /** Whether a reader of the archive will have the mesh. */
  hasGeometry({ mesh }: BlockJob): boolean {
    return this.settings.mesh === 'store' || mesh.mesh.kind === 'uniform' || mesh.mesh.kind === 'rectilinear';
  }
}

function shapeOf({ field, box }: BlockJob): string {
  return `${field.dtype} ${field.association} ${box.count}`;
}

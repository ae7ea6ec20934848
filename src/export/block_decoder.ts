import { ModelChain, damaged, dependency } from '../archive/model_chain.js';
import type { ArchiveReader, FieldEntry, StepEntry } from '../archive/types.js';
import type { Codec, FieldState } from '../codec/types.js';
import type { MeshBlock } from '../protocol/mesh.js';
import { bytesOf, decodeEntry, valuesOf } from './entry.js';

/** Decoded steps of a chain that are kept for the next call: as many as a block can refer to, and one more. */
const KEPT = 3;

/** A block that has to be decoded on the way to another: bounded, or a model that one refers to. */
interface Needed {
  step: number;
  entry: FieldEntry;
  /** Keys of what it refers to. */
  earlier: string[];
  siblings: string[];
  /** How many others of this call refer to it. */
  users: number;
}

/**
 * Decodes stored blocks with everything they refer to: back to the last keyframe at most. The
 * last few decoded steps are kept, so that walking through a run decodes each block once. Throws CORRUPT_STREAM or
 * NOT_FOUND that names the step which is damaged or missing.
 */
export class BlockDecoder {
  private readonly kept = new Map<string, { key: string; state: FieldState }[]>();
  private readonly models: ModelChain;

  constructor(
    private readonly archive: ArchiveReader,
    private readonly codec: Codec,
  ) {
    this.models = new ModelChain(
      (step) => archive.readStep(step),
      (payload, previous) => codec.resolve(payload, previous),
    );
  }

  /** The entry with a model that stands alone, where it holds changes to an earlier one. */
  async whole(step: number, entry: FieldEntry): Promise<FieldEntry> {
    return this.models.whole(step, entry);
  }

  /** Little-endian values of the entry's dtype, without ghosts. `mesh` is needed for a Gaussian model only. */
  async decode(step: number, entry: FieldEntry, mesh: MeshBlock | undefined): Promise<Uint8Array> {
    if (entry.kind !== 'bounded') return decodeEntry(this.codec, await this.whole(step, entry), mesh);
    const needed = await this.collect(step, entry);
    const states = new Map<string, FieldState>();
    for (const chain of this.kept.values()) for (const { key, state } of chain) states.set(key, state);
    let values: Uint8Array = new Uint8Array();
    // Earlier steps first; within a step the walk has put siblings before who needs them.
    for (const [key, block] of [...needed].toSorted(([, a], [, b]) => a.step - b.step)) {
      const decoded = await this.decodeBlock(block, states, step);
      states.set(key, decoded.state);
      this.keep(block, key, decoded.state);
      for (const used of [...block.earlier, ...block.siblings]) {
        const of = needed.get(used);
        if (of && --of.users === 0) states.delete(used);
      }
      values = bytesOf(decoded.values);
    }
    return values;
  }

  /** The block and all it refers to that is not kept, each after what it needs of its own step. */
  private async collect(step: number, entry: FieldEntry): Promise<Map<string, Needed>> {
    const keptKeys = new Set([...this.kept.values()].flat().map(({ key }) => key));
    const steps = new Map<number, StepEntry>();
    const needed = new Map<string, Needed>();
    const met = new Set<string>();
    const walk: { step: number; entry: FieldEntry; open: boolean }[] = [{ step, entry, open: true }];
    for (let at = walk.pop(); at; at = walk.pop()) {
      const key = keyOf(at.step, at.entry, at.entry.name);
      // What a model refers to is the model chain's business.
      const { earlier = [], siblings = [] } = (at.entry.kind === 'bounded' && at.entry.references) || {};
      if (!at.open) {
        needed.set(key, {
          step: at.step,
          entry: at.entry,
          earlier: earlier.map((s) => keyOf(s, at.entry, at.entry.name)),
          siblings: siblings.map((name) => keyOf(at.step, at.entry, name)),
          users: 0,
        });
        continue;
      }
      if (met.has(key)) continue;
      met.add(key);
      walk.push({ ...at, open: false });
      for (const [s, name] of [
        ...earlier.map((s) => [s, at.entry.name] as const),
        ...siblings.map((name) => [at.step, name] as const),
      ]) {
        if (s > at.step || (s === at.step && name === at.entry.name)) {
          throw damaged(step, entry, `step ${at.step} refers to step ${s}`);
        }
        if (keptKeys.has(keyOf(s, at.entry, name))) continue;
        walk.push({ step: s, entry: await this.find(steps, s, at.entry, name, step), open: true });
      }
    }
    for (const { earlier, siblings } of needed.values()) {
      for (const used of [...earlier, ...siblings]) {
        const of = needed.get(used);
        if (of) of.users++;
      }
    }
    return needed;
  }

  private async find(
    steps: Map<number, StepEntry>,
    step: number,
    like: FieldEntry,
    name: string,
    wanted: number,
  ): Promise<FieldEntry> {
    let of = steps.get(step);
    if (!of) {
      of = await this.archive.readStep(step).catch((cause: unknown) => {
        throw dependency(wanted, step, cause);
      });
      steps.set(step, of);
    }
    const found = of.fields.find((f) => f.name === name && f.mesh === like.mesh && f.block === like.block);
    if (!found || (found.kind !== 'bounded' && found.kind !== 'gaussian')) {
      throw damaged(wanted, like, `it refers to field ${name} of step ${step}, which is not there`);
    }
    return found;
  }

  private async decodeBlock(
    { step, entry, earlier, siblings }: Needed,
    states: ReadonlyMap<string, FieldState>,
    wanted: number,
  ): Promise<{ values: Float32Array | Float64Array; state: FieldState }> {
    const mesh = await this.archive.readMesh(entry.mesh, entry.block, step);
    const state = (key: string): FieldState => {
      const found = states.get(key);
      if (!found) throw damaged(wanted, entry, 'its fields refer to each other in a circle');
      return found;
    };
    try {
      if (entry.kind === 'gaussian') {
        const data = await decodeEntry(this.codec, await this.whole(step, entry), mesh);
        const values = valuesOf(data, entry.dtype);
        return { values, state: this.codec.stateOf(values) };
      }
      return await this.codec.decodeBounded(
        entry.payload,
        mesh
          ? { mesh: mesh.mesh, ...(mesh.ghost && { ghost: mesh.ghost }), association: entry.association }
          : { values: entry.certificate.values },
        entry.dtype === 'f64' ? 'f64' : 'f32',
        { earlier: earlier.map(state), siblings: siblings.map(state) },
      );
    } catch (cause) {
      throw step === wanted ? cause : dependency(wanted, step, cause);
    }
  }

  private keep({ entry }: Needed, key: string, state: FieldState): void {
    const chain = keyOf(-1, entry, entry.name);
    this.kept.set(chain, [{ key, state }, ...(this.kept.get(chain) ?? [])].slice(0, KEPT));
  }
}

function keyOf(step: number, entry: FieldEntry, name: string): string {
  return JSON.stringify([step, name, entry.mesh, entry.block]);
}

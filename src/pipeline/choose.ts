import type { FieldRecord } from '../archive/types.js';
import type { EncodeTarget } from '../codec/types.js';
import type { BlockJob } from './job.js';

/** Below this ratio a model needs so many Gaussians that training them takes minutes, and the residual is as good. */
const LEAST_MODEL_RATIO = 8;
/** Seconds of training per value below which there is not one pass over the block: no model is tried. */
const LEAST_SECONDS_PER_VALUE = 1e-6;
/** A chain whose models were worse at keyframes tries one again at every fourth. */
const RETRY = 4;
/** What a residual or a model gains from more bytes: about 5 dB for twice as many (docs/benchmarks.md). */
const DECIBELS_PER_DOUBLING = 5;
/**
 * What a model gains when it may hold changes: 2 to 3 dB to one that stands alone, and often more from step to step after
 * that (docs/model.md).
 */
const GAIN_OF_CHANGES = { alone: 2, chain: 1 };

/** The two ways to store a block with a target of bytes or quality. */
export interface Ways {
  gaussian: () => Promise<FieldRecord>;
  /** Waits for the siblings that it may refer to. */
  residual: () => Promise<FieldRecord>;
}

export interface Choice {
  job: BlockJob;
  target: EncodeTarget;
  /** Training time of the block, 0 no limit. */
  seconds: number;
  /** Whether the residual has an earlier step to lean on. */
  history: boolean;
  /** NaN, infinities or fills among the values: only a residual brings them back. */
  specials: boolean;
}

interface Memory {
  /** What the last model reached. */
  model?: { psnr: number; bytes: number; alone: boolean };
  /** Chain starts in a row where the model was worse. */
  lost: number;
}

/**
 * `coder: auto`: how each block of a chain is stored, by what was measured on it.
 *
 * Without history (a keyframe, the first step) a model and a residual are both made, and the better one is kept; most
 * often the model is, by 2 to 5 dB. After that a residual that refers to it costs a hundredth of the training, and is taken
 * as it is while it is at least as good as the chain's next model is expected to be; when it is not (the field has moved too
 * far), a model is trained as well. No decision looks at a clock.
 */
export class Choices {
  private readonly chains = new Map<string, Memory>();

  async choose(choice: Choice, ways: Ways): Promise<FieldRecord> {
    const { job, target, history } = choice;
    const memory = this.memory(job);
    const mayTrain = job.plan.coder === 'auto' && !choice.specials && hasTime(choice);
    const turn = memory.lost % RETRY === 0;
    // Where the size is known beforehand the model comes first: fields then train at once, not one after the other.
    let model =
      mayTrain && !history && turn && 'bytes' in target && pays(job, target.bytes)
        ? await ways.gaussian()
        : undefined;
    const residual = await ways.residual();
    if (!model && mayTrain && pays(job, residual.payload.length)) {
      if (history ? !asGood(residual, memory.model, target) : turn && 'psnr' in target) {
        model = await ways.gaussian();
      }
    }
    const best = model && better(model, residual, target) ? model : residual;
    if (model) {
      memory.model = {
        psnr: model.certificate.psnr,
        bytes: model.payload.length,
        alone: model.references === undefined,
      };
    }
    if (!history && mayTrain) memory.lost = best === residual ? memory.lost + 1 : 0;
    return best;
  }

  private memory({ chain }: BlockJob): Memory {
    let memory = this.chains.get(chain);
    if (!memory) this.chains.set(chain, (memory = { lost: 0 }));
    return memory;
  }
}

function hasTime({ job, seconds }: Choice): boolean {
  return seconds === 0 || seconds >= LEAST_SECONDS_PER_VALUE * job.box.count;
}

function pays(job: BlockJob, bytes: number): boolean {
  return job.rawBytes >= LEAST_MODEL_RATIO * bytes;
}

/** Whether a residual is as good as the chain's next model should be at this target. */
function asGood(residual: FieldRecord, model: Memory['model'], target: EncodeTarget): boolean {
  const bytes = residual.payload.length;
  if ('bytes' in target && bytes > target.bytes) return false;
  if (!model) return true;
  const gain = DECIBELS_PER_DOUBLING * Math.log2(bytes / model.bytes);
  return residual.certificate.psnr >= model.psnr + gain + GAIN_OF_CHANGES[model.alone ? 'alone' : 'chain'];
}

/** Meets the target where the other does not, or is better in the other respect. */
function better(a: FieldRecord, b: FieldRecord, target: EncodeTarget): boolean {
  const meets = ({ payload, certificate }: FieldRecord): boolean =>
    'psnr' in target
      ? certificate.psnr >= target.psnr
      : !('bytes' in target) || payload.length <= target.bytes;
  if (meets(a) !== meets(b)) return meets(a);
  return meets(a) === 'psnr' in target
    ? a.payload.length < b.payload.length
    : a.certificate.psnr > b.certificate.psnr;
}

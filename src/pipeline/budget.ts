import type { ArchiveWriter } from '../archive/types.js';
import type { EncodeTarget } from '../codec/types.js';
import type { BlockJob, StepPlan } from './job.js';
import { Overhead } from './overhead.js';

/** Of a run's bytes: what is planned with, since the overhead of the last files is known only when they are written. */
const RUN_SHARE = 0.995;

/** Smallest payload that is worth asking for: below this a model has hardly a Gaussian. */
const MIN_PAYLOAD = 96;

interface Ledger {
  /** Bytes that the targets allowed so far, and bytes that were stored. */
  allowed: number;
  stored: number;
  /** Corrections of `stored`, known since the commit of the step with this order. */
  corrections: { order: number; bytes: number }[];
}

/**
 * Turns targets into payload budgets, in a closed loop per chain: what earlier steps stored above or below what
 * their target allowed is taken from or given to the next step. Every byte of the run folder counts, so each block pays
 * its share of the files' overhead: estimated when it is trained, corrected when its step was committed.
 *
 * A step sees the corrections of the steps up to the last but one, whose commit the pipeline waits for: budgets, and
 * so bytes, do not depend on how fast the disk is.
 */
export class Budgets {
  private readonly overhead: Overhead;
  private readonly ledgers = new Map<string, Ledger>();
  /** Balance of each field in the archive when it was first met, and bytes booked for it since. */
  private readonly before = new Map<string, { raw: number; stored: number }>();
  private readonly booked = new Map<string, number>();

  private readonly stepsBefore: number;
  private meshBytes = 0;

  constructor(
    private readonly archive: Pick<
      ArchiveWriter,
      'totals' | 'overheadBytes' | 'runBytes' | 'lastStep' | 'stepCount' | 'meshBytes'
    >,
    private readonly expectedSteps: number,
  ) {
    this.overhead = new Overhead(archive);
    this.stepsBefore = archive.stepCount;
    this.meshBytes = archive.meshBytes;
  }

  /** What the codec has to meet for this block. `order` counts the run's steps. */
  target(job: BlockJob, plan: StepPlan, order: number): EncodeTarget {
    const { target } = job.plan;
    if ('psnr' in target) return { psnr: target.psnr };
    const ledger = this.ledger(job, plan);
    applyCorrections(ledger, order - 2);
    if ('bytesPerRun' in target) return { bytes: this.shareOfRest(ledger, job, plan, order) };
    const nominal = allowedBytes(job, plan) - this.share(plan, order);
    const carried = ledger.allowed - ledger.stored;
    // Bytes per step are a limit: savings do not raise it. A ratio is met over the run, so there they do.
    const most = 'bytes' in target ? nominal : 1.5 * nominal;
    const payload = Math.min(Math.max(nominal + carried, 0.5 * nominal), most);
    return { bytes: Math.max(MIN_PAYLOAD, Math.floor(payload)) };
  }

  /** Of what the run may still take, in equal parts for the steps to come; past the last expected one hardly any. */
  private shareOfRest(ledger: Ledger, job: BlockJob, plan: StepPlan, order: number): number {
    const left = Math.max(1, this.expectedSteps - this.stepsBefore - order);
    const rest = RUN_SHARE * shareOfGroup(job, plan) - ledger.stored;
    return Math.max(MIN_PAYLOAD, Math.floor(rest / left - this.share(plan, order)));
  }

  /** Books a trained block. Returns the bytes it is taken to cost. */
  spend(job: BlockJob, plan: StepPlan, order: number, payloadBytes: number): number {
    const cost = payloadBytes + this.share(plan, order);
    const ledger = this.ledger(job, plan);
    ledger.allowed += allowedBytes(job, plan);
    ledger.stored += cost;
    return cost;
  }

  /** Right after the commit of a step: books what the archive holds of each field beyond what was spent. */
  settle(order: number, trained: readonly { job: BlockJob; cost: number }[]): void {
    const fields = byName(trained);
    this.overhead.measure(fields.size, trained.length, order);
    for (const [name, blocks] of fields) {
      const spent = blocks.reduce((sum, { cost }) => sum + cost, 0);
      const expected = (this.booked.get(name) ?? 0) + spent;
      const actual = this.archive.totals(name).stored;
      this.booked.set(name, actual);
      for (const { job } of blocks) {
        const bytes = (actual - expected) / blocks.length;
        this.ledgers.get(job.chain)?.corrections.push({ order, bytes });
      }
    }
    this.settleMeshes(order, trained);
  }

  /** What a whole run may take includes its meshes: by raw bytes. */
  private settleMeshes(order: number, trained: readonly { job: BlockJob }[]): void {
    const bytes = this.archive.meshBytes - this.meshBytes;
    this.meshBytes += bytes;
    const jobs = trained.map(({ job }) => job).filter(({ plan }) => 'bytesPerRun' in plan.target);
    const raw = jobs.reduce((sum, job) => sum + job.rawBytes, 0);
    for (const { chain, rawBytes } of jobs) {
      this.ledgers.get(chain)?.corrections.push({ order, bytes: (bytes * rawBytes) / raw });
    }
  }

  private share(plan: StepPlan, order: number): number {
    return this.overhead.share(plan.blocksOfField.size, plan.blocks, order);
  }

  /** A chain that goes on after a restart starts with its share of the field's balance in the archive. */
  private ledger(job: BlockJob, plan: StepPlan): Ledger {
    let ledger = this.ledgers.get(job.chain);
    if (!ledger) {
      const { raw, stored } = this.balanceBefore(job.name);
      const share = 1 / (plan.blocksOfField.get(job.name) ?? 1);
      ledger = { allowed: 0, stored: 0, corrections: [] };
      if ('ratio' in job.plan.target) {
        ledger.allowed = (share * raw) / job.plan.target.ratio;
        ledger.stored = share * stored;
      } else if ('bytesPerRun' in job.plan.target) {
        ledger.stored = share * stored + (this.meshBytes * job.rawBytes) / Math.max(1, plan.rawBytes);
      }
      this.ledgers.set(job.chain, ledger);
    }
    return ledger;
  }

  private balanceBefore(name: string): { raw: number; stored: number } {
    let totals = this.before.get(name);
    if (!totals) {
      totals = { ...this.archive.totals(name) };
      this.before.set(name, totals);
      this.booked.set(name, totals.stored);
    }
    return totals;
  }
}

/** Stored bytes that the block's target allows, overhead included; 0 for targets that are not about bytes. */
function allowedBytes(job: BlockJob, plan: StepPlan): number {
  const { target } = job.plan;
  if ('ratio' in target) return job.rawBytes / target.ratio;
  if ('bytes' in target || 'bytesPerRun' in target) return shareOfGroup(job, plan);
  return 0;
}

/** The block's part, by raw bytes, of what its target gives to all fields of its group. */
function shareOfGroup({ plan: { target, group }, rawBytes }: BlockJob, plan: StepPlan): number {
  const bytes = 'bytes' in target ? target.bytes : 'bytesPerRun' in target ? target.bytesPerRun : 0;
  return (bytes * rawBytes) / (plan.groupRawBytes.get(group) || 1);
}

function applyCorrections(ledger: Ledger, through: number): void {
  for (const correction of ledger.corrections) {
    if (correction.order <= through) ledger.stored += correction.bytes;
  }
  ledger.corrections = ledger.corrections.filter((correction) => correction.order > through);
}

function byName<T extends { job: BlockJob }>(trained: readonly T[]): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const entry of trained) {
    const group = groups.get(entry.job.name);
    if (group) group.push(entry);
    else groups.set(entry.job.name, [entry]);
  }
  return groups;
}

import { GaussituError } from '../errors.js';
import { MAX_OPEN_STEPS } from '../protocol/limits.js';
import type { BeginMessage, EndMessage, StepValues } from '../protocol/messages.js';
import type { SourceEvent } from '../protocol/source.js';
import type { OpenStep, RankState } from './rank.js';

/**
 * Which steps of a run are under way, complete, durable, or given up. A step is complete when every rank has ended it;
 * it is given up when that cannot happen any more: a rank went on without it, left, or vanished.
 */
export class StepBook {
  private readonly steps = new Map<number, OpenStep>();
  private readonly durable = new Set<number>();
  lastDurable = -1;

  constructor(
    private readonly ranks: number,
    private readonly emit: (event: SourceEvent) => void,
    /** Tells every rank that a step is given up. */
    private readonly announce: (error: GaussituError, step: number) => void,
  ) {}

  markDurable(step: number): void {
    this.steps.delete(step);
    this.durable.add(step);
    this.lastDurable = Math.max(this.lastDurable, step);
  }

  isDurable(step: number): boolean {
    return this.durable.has(step);
  }

  /** A step that still takes fields; undefined when it is complete, durable or given up. */
  taking(step: number): OpenStep | undefined {
    const open = this.steps.get(step);
    return open?.complete ? undefined : open;
  }

  /** Throws BAD_STEP: out of order, or a step that is given up. `others` are the connected ranks. */
  begin(rank: RankState, { step, time }: BeginMessage, others: Iterable<RankState>): void {
    if (step <= rank.cursor) {
      throw new GaussituError('BAD_STEP', `rank ${rank.rank}: begin`, {
        expected: `a step above ${rank.cursor}`,
        received: String(step),
      });
    }
    rank.cursor = step;
    rank.open = true;
    rank.received = 0;
    this.abandonWhere((open) => open.step < step, rank.rank, `rank ${rank.rank} went on to step ${step}`);
    if (this.durable.has(step)) return;
    if (step <= this.lastDurable) throw dropped(step, `step ${this.lastDurable} is durable already`);
    const open = this.steps.get(step);
    if (open) join(open, time);
    else this.open(rank, step, time, others);
  }

  /** Throws BAD_STEP when not all fields arrived: the step is then given up. */
  end(rank: RankState, { step: index, fields, values }: EndMessage): void {
    rank.open = false;
    const step = this.taking(index);
    if (!step) return;
    if (rank.received < fields) {
      this.abandon(step, `rank ${rank.rank} announced ${fields} fields, ${rank.received} arrived`);
      return;
    }
    step.ended.add(rank.rank);
    if (values) step.values.set(rank.rank, values);
    step.lastActivity = Date.now();
    if (step.ended.size === this.ranks) {
      step.complete = true;
      const values = mergeValues(step.values);
      this.emit({ type: 'step', step: step.step, time: step.time, ...(values && { values }) });
    }
  }

  /** The rank sends nothing more. */
  leave(rank: number): void {
    this.abandonWhere(() => true, rank, `rank ${rank} left`);
  }

  /** Gives up steps that wait for a rank that is silent for too long; returns those ranks. */
  giveUpSilent(now: number, timeoutMs: number, lastSeen: (rank: number) => number): number[] {
    const gone = new Set<number>();
    for (const step of this.steps.values()) {
      if (step.complete) continue;
      for (let rank = 0; rank < this.ranks; rank++) {
        const silent = now - Math.max(lastSeen(rank), step.lastActivity);
        if (step.ended.has(rank) || silent <= timeoutMs) continue;
        this.abandon(step, `rank ${rank} was silent for ${(silent / 1000).toFixed(0)} s`);
        gone.add(rank);
        break;
      }
    }
    return [...gone];
  }

  private open(rank: RankState, step: number, time: number, others: Iterable<RankState>): void {
    for (const other of others) {
      if (other === rank || other.cursor < step) continue;
      const reason = `rank ${other.rank} is past it`;
      this.emit({ type: 'abandon', step, reason });
      throw dropped(step, reason);
    }
    // Complete steps are bounded by the credit of their fields; incomplete ones may wait for another rank.
    const incomplete = [...this.steps.values()].filter((open) => !open.complete).length;
    if (incomplete >= MAX_OPEN_STEPS) {
      throw dropped(step, `${MAX_OPEN_STEPS} steps wait for other ranks: rank ${rank.rank} is too far ahead`);
    }
    this.steps.set(step, {
      step,
      time,
      ended: new Set(),
      values: new Map(),
      seen: new Set(),
      lastActivity: Date.now(),
      complete: false,
    });
  }

  private abandonWhere(which: (step: OpenStep) => boolean, rank: number, reason: string): void {
    for (const step of this.steps.values()) {
      if (!step.complete && !step.ended.has(rank) && which(step)) this.abandon(step, reason);
    }
  }

  private abandon(step: OpenStep, reason: string): void {
    this.steps.delete(step.step);
    this.emit({ type: 'abandon', step: step.step, reason });
    this.announce(dropped(step.step, reason), step.step);
  }
}

/** Of names that several ranks give, the lowest rank's value counts: the result does not depend on who was first. */
function mergeValues(ofRank: ReadonlyMap<number, StepValues>): StepValues | undefined {
  if (ofRank.size === 0) return undefined;
  const highestFirst = [...ofRank].sort(([a], [b]) => b - a);
  return Object.assign({}, ...highestFirst.map(([, values]) => values)) as StepValues;
}

/** Another rank begins a step that is open. */
function join(step: OpenStep, time: number): void {
  step.lastActivity = Date.now();
  if (step.time === time) return;
  throw new GaussituError('BAD_STEP', `step ${step.step}: time`, {
    expected: `${step.time}, as the first rank said`,
    received: String(time),
    hint: 'the first is kept',
  });
}

function dropped(step: number, reason: string): GaussituError {
  return new GaussituError('BAD_STEP', `step ${step} is dropped: ${reason}`);
}

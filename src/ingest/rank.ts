import type { StepValues } from '../protocol/messages.js';
import { CreditWindow } from './credit.js';

/** One rank of a run, connected or not. */
export interface RankState {
  readonly rank: number;
  /** ZeroMQ identity of its connection; undefined while it is away. */
  peer: string | undefined;
  readonly credit: CreditWindow;
  /** Milliseconds (Date.now) when it was last heard of; 0 never. */
  lastSeen: number;
  /** Last step it began in this connection, -1 none; and whether that is still open. */
  cursor: number;
  open: boolean;
  /** `field` messages of the open step, taken or not, in this connection. */
  received: number;
  bye: boolean;
}

export function newRank(rank: number, window: number): RankState {
  const credit = new CreditWindow(window);
  return { rank, peer: undefined, credit, lastSeen: 0, cursor: -1, open: false, received: 0, bye: false };
}

/** Bookkeeping of one step that is under way. */
export interface OpenStep {
  readonly step: number;
  readonly time: number;
  /** Ranks that have sent all of it. */
  readonly ended: Set<number>;
  /** What each rank said of it. */
  readonly values: Map<number, StepValues>;
  /** (field, mesh, block) that came: resent ones are not delivered twice. */
  readonly seen: Set<string>;
  /** When anything of it last came. */
  lastActivity: number;
  /** All ranks ended it; it waits for its commit. */
  complete: boolean;
}

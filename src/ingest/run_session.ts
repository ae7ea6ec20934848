import { Observable, type Subscriber } from 'rxjs';
import type { Logger } from 'pino';
import { GaussituError, type ErrorCode } from '../errors.js';
import { MAX_STEP_FIELDS } from '../protocol/limits.js';
import { readMesh } from '../protocol/mesh_message.js';
import type {
  ClientMessage,
  EndMessage,
  FieldMessage,
  HelloMessage,
  MeshMessage,
} from '../protocol/messages.js';
import type { MeshBlock } from '../protocol/mesh.js';
import type { ServiceMessage } from '../protocol/replies.js';
import type { RunInfo, SourceEvent, StepSource, StepSummary } from '../protocol/source.js';
import { readField } from './field_message.js';
import { newRank, type RankState } from './rank.js';
import { meshBytes, sameMesh } from './same_mesh.js';
import { StepBook } from './step_book.js';

export interface RunSessionOptions {
  /** Bytes of raw arrays that all ranks together may have unreleased. */
  memory: number;
  /** Bytes of one message. */
  maxMessage: number;
  /** A rank that a step waits for and that is silent for so long is given up. */
  timeoutMs: number;
  send: (peer: string, message: ServiceMessage) => void;
  log: Logger;
}

/** The bytes of a message stay with the pipeline, which releases them, or are free when it was read. */
type Outcome = 'kept' | 'free';

/**
 * One run: its ranks, meshes and steps; turns the messages of all ranks into the events of a StepSource.
 * Never throws on what a rank sends: it answers with `error` and goes on.
 */
export class RunSession implements StepSource {
  readonly info: RunInfo;
  readonly events: Observable<SourceEvent>;
  readonly window: number;
  status: 'open' | 'finished' | 'failed' = 'open';
  private readonly ranks = new Map<number, RankState>();
  private readonly peers = new Map<string, RankState>();
  private readonly meshes = new Map<string, MeshBlock>();
  private meshBytes = 0;
  private readonly steps: StepBook;
  private out: Subscriber<SourceEvent> | undefined;

  constructor(
    hello: HelloMessage,
    private readonly options: RunSessionOptions,
  ) {
    const { run, ranks, client, meta, targets } = hello;
    this.info = { run, ranks, client, ...(meta && { meta }), ...(targets && { targets }) };
    this.window = Math.max(1, Math.floor(options.memory / ranks));
    this.events = new Observable((subscriber) => {
      if (this.out) throw new GaussituError('INTERNAL', 'a run is subscribed once');
      this.out = subscriber;
    });
    this.steps = new StepBook(
      ranks,
      (event) => this.out?.next(event),
      ({ code, message }, step) => this.broadcast({ t: 'error', code, message, step }),
    );
  }

  /** Steps that are in the archive already. */
  restore(steps: Iterable<number>): void {
    for (const step of steps) this.steps.markDurable(step);
  }

  /** A rank's hello. Returns the identity it had before, when that was another. Throws RANK. */
  attach(peer: string, hello: HelloMessage): string | undefined {
    if (hello.ranks !== this.info.ranks) {
      throw new GaussituError('RANK', `run ${hello.run}: ranks`, {
        expected: `${this.info.ranks}, as the first hello said`,
        received: String(hello.ranks),
      });
    }
    const rank = this.ranks.get(hello.rank) ?? newRank(hello.rank, this.window);
    this.ranks.set(hello.rank, rank);
    const before = rank.peer;
    if (before !== undefined) this.peers.delete(before);
    this.peers.set(peer, rank);
    Object.assign(rank, { peer, lastSeen: Date.now(), cursor: -1, open: false, bye: false });
    this.options.send(peer, {
      t: 'welcome',
      v: 1,
      credit: rank.credit.reset(),
      committed: this.steps.lastDurable,
      maxMessage: this.options.maxMessage,
    });
    this.options.log.info({ rank: hello.rank, ranks: hello.ranks, client: hello.client }, 'hello');
    return before === peer ? undefined : before;
  }

  has(peer: string): boolean {
    return this.peers.has(peer);
  }

  /** A decoded message of a rank that has said hello. */
  receive(peer: string, message: ClientMessage, frames: Uint8Array[]): void {
    const rank = this.peers.get(peer);
    if (!rank) return;
    rank.lastSeen = Date.now();
    if (message.t === 'field') rank.received++;
    const bytes = frames.reduce((sum, frame) => sum + frame.byteLength, 0);
    let release: (() => void) | undefined;
    let outcome: Outcome = 'free';
    try {
      release = this.charge(rank, bytes);
      outcome = this.dispatch(rank, message, frames, release);
    } catch (error) {
      this.answerError(rank, error, message);
    }
    if (outcome === 'free') release?.();
  }

  /** A message that could not even be decoded counts as a field of the open step: it may have been one. */
  unreadable(peer: string, error: unknown): void {
    const rank = this.peers.get(peer);
    if (!rank) return;
    rank.lastSeen = Date.now();
    rank.received++;
    this.answerError(rank, error);
  }

  committed(summary: StepSummary): void {
    this.steps.markDurable(summary.step);
    const fields = summary.fields.map(({ field, psnr, maxError }) => ({ field, psnr, maxError }));
    const { step, rawBytes: raw, storedBytes: stored } = summary;
    this.broadcast({ t: 'ack', step, raw, stored, fields });
  }

  failed(error: Error, at?: { step: number; field?: string }): void {
    if (at) {
      this.broadcast({ t: 'error', code: 'FIELD_FAILED', message: error.message, ...at });
      return;
    }
    this.status = 'failed';
    const code = error instanceof GaussituError ? error.code : 'INTERNAL';
    this.broadcast({ t: 'error', code, message: error.message });
    for (const rank of this.peers.values()) rank.peer = undefined;
    this.peers.clear();
  }

  broadcast(message: ServiceMessage): void {
    for (const peer of this.peers.keys()) this.options.send(peer, message);
  }

  /** Gives up what waits for ranks that have gone; to be called now and then. */
  checkLiveness(now: number): void {
    if (this.status !== 'open') return;
    const lastSeen = (rank: number): number => this.ranks.get(rank)?.lastSeen ?? 0;
    for (const index of this.steps.giveUpSilent(now, this.options.timeoutMs, lastSeen)) {
      const rank = this.ranks.get(index);
      if (rank?.peer === undefined) continue;
      this.options.log.warn({ rank: index }, 'rank vanished: it has to say hello again');
      this.peers.delete(rank.peer);
      rank.peer = undefined;
    }
  }

  private dispatch(
    rank: RankState,
    message: ClientMessage,
    frames: Uint8Array[],
    release: () => void,
  ): Outcome {
    if (message.t === 'field') return this.field(rank, message, frames, release);
    if (message.t === 'mesh') this.mesh(message, frames);
    else if (frames.length > 0) {
      throw new GaussituError('BAD_MESSAGE', `${message.t}: frames after the header`, {
        expected: 'none',
        received: String(frames.length),
      });
    } else if (message.t === 'begin') this.steps.begin(rank, message, this.peers.values());
    else if (message.t === 'end') this.end(rank, message);
    else if (message.t === 'bye') this.bye(rank);
    else if (message.t === 'ping') this.reply(rank, { t: 'pong' });
    return 'free';
  }

  private mesh(message: MeshMessage, frames: Uint8Array[]): void {
    const block = readMesh(message, frames);
    const key = `${block.name}/${block.block}`;
    const before = this.meshes.get(key);
    if (before && sameMesh(before, block)) return;
    const bytes = this.meshBytes + meshBytes(block) - (before ? meshBytes(before) : 0);
    if (bytes > this.options.memory) {
      throw new GaussituError('TOO_LARGE', `meshes of run ${this.info.run}`, {
        expected: `at most ${this.options.memory} bytes`,
        received: `${bytes} bytes`,
        hint: 'start the service with more --memory',
      });
    }
    this.meshBytes = bytes;
    this.meshes.set(key, block);
    this.out?.next({ type: 'mesh', mesh: block });
  }

  private field(rank: RankState, message: FieldMessage, frames: Uint8Array[], release: () => void): Outcome {
    expectOpen(rank, message.step, `field ${message.field}`);
    const step = this.steps.taking(message.step);
    const mesh = this.meshes.get(`${message.mesh}/${message.block}`);
    const field = readField(message, frames, mesh, step?.time ?? 0);
    // Durable, given up, or resent: the rank learns that from other answers.
    const key = `${message.field}/${message.mesh}/${message.block}`;
    if (!step || step.seen.has(key)) return 'free';
    if (step.seen.size >= MAX_STEP_FIELDS) {
      throw new GaussituError('TOO_LARGE', `step ${step.step}: fields`, {
        expected: `at most ${MAX_STEP_FIELDS}`,
        received: 'more',
      });
    }
    step.seen.add(key);
    step.lastActivity = rank.lastSeen;
    this.out?.next({ type: 'field', field, release });
    return 'kept';
  }

  private end(rank: RankState, message: EndMessage): void {
    expectOpen(rank, message.step, 'end');
    this.steps.end(rank, message);
    if (!this.steps.isDurable(message.step)) return;
    // What an old step cost is not kept in memory for ever; the archive knows it.
    this.reply(rank, { t: 'ack', step: message.step, raw: 0, stored: 0, fields: [] });
  }

  private bye(rank: RankState): void {
    rank.bye = true;
    this.steps.leave(rank.rank);
    this.options.log.info({ rank: rank.rank }, 'bye');
    if ([...this.ranks.values()].filter((r) => r.bye).length < this.info.ranks) return;
    this.status = 'finished';
    this.out?.complete();
  }

  /** Takes the message's bytes from the rank's credit. Throws TOO_LARGE. */
  private charge(rank: RankState, bytes: number): () => void {
    if (!rank.credit.take(bytes)) {
      throw new GaussituError('TOO_LARGE', `rank ${rank.rank} has no credit`, {
        expected: 'nothing before a credit message',
        received: `${bytes} bytes`,
      });
    }
    let released = false;
    return () => {
      if (released) return;
      released = true;
      const grant = rank.credit.giveBack(bytes);
      if (grant > 0) this.reply(rank, { t: 'credit', bytes: grant });
    };
  }

  private reply(rank: RankState, message: ServiceMessage): void {
    if (rank.peer !== undefined) this.options.send(rank.peer, message);
  }

  private answerError(rank: RankState, error: unknown, about?: ClientMessage): void {
    const known = error instanceof GaussituError;
    if (!known) this.options.log.error({ error }, 'internal error while reading a message');
    const code: ErrorCode = known ? error.code : 'INTERNAL';
    const message = error instanceof Error ? error.message : String(error);
    this.options.log.warn({ rank: rank.rank, code }, message);
    this.reply(rank, {
      t: 'error',
      code,
      message,
      ...(about && 'step' in about && { step: about.step }),
      ...(about && 'field' in about && { field: about.field }),
    });
  }
}

function expectOpen(rank: RankState, step: number, what: string): void {
  if (rank.open && rank.cursor === step) return;
  throw new GaussituError('BAD_STEP', `rank ${rank.rank}: ${what}`, {
    expected: rank.open ? `step ${rank.cursor}, which is open` : 'a begin before it',
    received: `step ${step}`,
  });
}

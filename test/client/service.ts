import { Packr } from 'msgpackr';
import { onTestFinished } from 'vitest';
import { Router } from 'zeromq';
import { decodeHeader } from '../../src/protocol/decode.js';
import type { ClientMessage, FieldMessage, HelloMessage, MeshMessage } from '../../src/protocol/messages.js';

const packr = new Packr({ useRecords: false, variableMapSize: true });

export interface Received<M> {
  message: M;
  frames: Buffer[];
}
interface RankStep {
  time: number;
  fields: Map<string, Received<FieldMessage>>;
  ended: boolean;
}
interface Peer {
  hello: HelloMessage;
  credit: number;
  last: number;
  open: number | undefined;
}

export interface ServiceOptions {
  listen?: string;
  /** What welcome gives, bytes. */
  credit?: number;
  /** Give the bytes of a message back as soon as it came. Default true. */
  returnCredit?: boolean;
  /** Acknowledge a step when all ranks ended it. Default true. */
  acknowledge?: boolean;
  committed?: number;
  maxMessage?: number;
  /** Answers instead of the usual ones; undefined: the usual one. */
  intercept?: (service: TestService, peer: Buffer, message: ClientMessage) => boolean;
}

/**
 * A service as docs/protocol.md describes it, on a real ROUTER socket, that stores nothing but remembers everything, can
 * be slow, lie and die, and writes down whatever a client does against the protocol.
 */
export class TestService {
  readonly hellos: HelloMessage[] = [];
  readonly meshes = new Map<string, Received<MeshMessage>>();
  readonly steps = new Map<number, Map<number, RankStep>>();
  readonly violations: string[] = [];
  readonly byes: number[] = [];
  pings = 0;
  /** Order of (step) ends as they came, resent ones again. */
  readonly ends: number[] = [];
  private readonly peers = new Map<string, Peer>();
  private closed = false;
  private readonly loop: Promise<void>;
  private sending: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly socket: Router,
    readonly endpoint: string,
    readonly options: ServiceOptions,
  ) {
    this.loop = this.run();
  }

  static async start(options: ServiceOptions = {}): Promise<TestService> {
    const socket = new Router({ linger: 0 });
    await bindWhenFree(socket, options.listen ?? 'tcp://127.0.0.1:*');
    const service = new TestService(socket, socket.lastEndpoint!, options);
    onTestFinished(() => service.stop());
    return service;
  }

  async stop(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    await this.sending;
    this.socket.close();
    await this.loop;
  }

  /** To one peer, or to all. */
  send(message: object | Buffer, peer?: Buffer): void {
    const header = Buffer.isBuffer(message) ? message : packr.pack(message);
    const to = peer ? [peer] : [...this.peers.keys()].map((id) => Buffer.from(id, 'latin1'));
    for (const id of to)
      this.sending = this.sending.then(() => (this.closed ? undefined : this.socket.send([id, header])));
  }

  acknowledge(step: number): void {
    this.send({ t: 'ack', step, raw: 1000, stored: 10, fields: [{ field: 'f', psnr: 42, maxError: 0.1 }] });
  }

  field(step: number, key: string, rank = 0): Received<FieldMessage> | undefined {
    return this.steps.get(step)?.get(rank)?.fields.get(key);
  }

  private async run(): Promise<void> {
    while (!this.closed) {
      let parts: Buffer[];
      try {
        parts = await this.socket.receive();
      } catch {
        return;
      }
      const [peer, header, ...frames] = parts;
      try {
        const message = decodeHeader(header!);
        if (!this.options.intercept?.(this, peer!, message)) this.take(peer!, message, frames);
      } catch (error) {
        this.violations.push(String(error));
      }
    }
  }

  private take(id: Buffer, message: ClientMessage, frames: Buffer[]): void {
    const key = id.toString('latin1');
    const peer = this.peers.get(key);
    const { credit = 1 << 24, committed = -1, maxMessage = 1 << 30 } = this.options;
    if (message.t === 'hello') {
      this.hellos.push(message);
      // A rank that comes back has a new connection; the old one is gone.
      for (const [other, p] of this.peers) if (p.hello.rank === message.rank) this.peers.delete(other);
      this.peers.set(key, { hello: message, credit, last: -1, open: undefined });
      this.send({ t: 'welcome', v: 1, credit, committed, maxMessage }, id);
      return;
    }
    if (!peer) {
      this.send({ t: 'error', code: 'HELLO_EXPECTED', message: 'say hello first' }, id);
      return;
    }
    this.charge(id, peer, frames);
    const rank = peer.hello.rank;
    if (message.t === 'ping') {
      this.pings++;
      this.send({ t: 'pong' }, id);
    } else if (message.t === 'mesh') {
      this.expect(peer.open === undefined, 'a mesh comes between steps');
      const lengths = (message.arrays ?? []).map(
        (a) => a.shape.reduce((n, d) => n * d, 1) * bytesOf(a.dtype),
      );
      this.expect(lengths.join() === frames.map((f) => f.length).join(), 'frames fit the arrays of a mesh');
      this.meshes.set(`${message.mesh}/${message.block}`, { message, frames });
    } else if (message.t === 'begin') {
      this.expect(peer.open === undefined && message.step > peer.last, `step ${message.step} may begin`);
      peer.open = peer.last = message.step;
      const ranks = this.steps.get(message.step) ?? new Map<number, RankStep>();
      ranks.set(rank, { time: message.time, fields: new Map(), ended: false });
      this.steps.set(message.step, ranks);
    } else if (message.t === 'field') {
      this.expect(peer.open === message.step, `field ${message.field} is in the open step`);
      this.expect(this.meshes.has(`${message.mesh}/${message.block}`), `mesh ${message.mesh} is known`);
      const values = message.shape.reduce((n, d) => n * d, 1);
      this.expect(
        frames.length === 1 && frames[0]!.length === values * bytesOf(message.dtype),
        'frame fits shape',
      );
      this.steps.get(message.step)?.get(rank)?.fields.set(message.field, { message, frames });
    } else if (message.t === 'end') {
      this.end(peer, rank, message.step, message.fields);
    } else {
      this.byes.push(rank);
    }
  }

  private end(peer: Peer, rank: number, index: number, fields: number): void {
    this.expect(peer.open === index, `end of step ${index} follows its begin`);
    peer.open = undefined;
    this.ends.push(index);
    const ranks = this.steps.get(index)!;
    const step = ranks.get(rank)!;
    this.expect(step.fields.size === fields, `step ${index} has the ${fields} fields it says`);
    step.ended = true;
    const complete = ranks.size === peer.hello.ranks && [...ranks.values()].every((r) => r.ended);
    if (complete && (this.options.acknowledge ?? true)) this.acknowledge(index);
  }

  private charge(id: Buffer, peer: Peer, frames: Buffer[]): void {
    const bytes = frames.reduce((n, f) => n + f.length, 0);
    if (bytes === 0) return;
    this.expect(peer.credit > 0, 'bytes come only with credit');
    peer.credit -= bytes;
    if (this.options.returnCredit ?? true) this.grant(bytes, id);
  }

  grant(bytes: number, id?: Buffer): void {
    for (const [key, peer] of this.peers) if (!id || key === id.toString('latin1')) peer.credit += bytes;
    this.send({ t: 'credit', bytes }, id);
  }

  private expect(good: boolean, what: string): void {
    if (!good) this.violations.push(`expected: ${what}`);
  }
}

/** ZeroMQ closes sockets in the background: the address of one just closed is free a moment later. */
async function bindWhenFree(socket: Router, address: string): Promise<void> {
  await until(
    () =>
      socket.bind(address).then(
        () => true,
        (error: NodeJS.ErrnoException) => {
          if (error.code !== 'EADDRINUSE') throw error;
          return false;
        },
      ),
    `${address} is free`,
  );
}

export function bytesOf(dtype: string): number {
  return Number(dtype.slice(1)) / 8;
}

/** Polls until `done()` is truthy. */
export async function until(done: () => unknown, what: string, seconds = 90): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  while (!(await done())) {
    if (Date.now() > deadline) throw new Error(`gave up waiting until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

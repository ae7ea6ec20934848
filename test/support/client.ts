import { Packr } from 'msgpackr';
import { Dealer } from 'zeromq';
import type { ServiceMessage } from '../../src/protocol/replies.js';

const packr = new Packr({ useRecords: false, variableMapSize: true, int64AsType: 'number' });

type Reply<T extends ServiceMessage['t']> = Extract<ServiceMessage, { t: T }>;

/** A simulation rank as plain as it gets: a DEALER socket that speaks the protocol, and also breaks it when told to. */
export class TestRank {
  readonly socket: Dealer;
  /** Everything the service said that nobody has taken yet. */
  readonly inbox: ServiceMessage[] = [];
  credit = 0;
  /** Milliseconds to wait for an answer. */
  patience = 110_000;
  private waiting: (() => void)[] = [];
  private readonly loop: Promise<void>;

  constructor(
    readonly endpoint: string,
    readonly run: string,
    readonly rank = 0,
    readonly ranks = 1,
  ) {
    this.socket = new Dealer({ linger: 0 });
    this.socket.connect(endpoint);
    this.loop = this.receive();
  }

  send(header: object | Buffer, ...frames: Uint8Array[]): Promise<void> {
    const head = Buffer.isBuffer(header) ? header : packr.pack(header);
    return this.socket.send([head, ...frames]);
  }

  /** Says hello and waits for the answer. */
  async hello(more: object = {}): Promise<Reply<'welcome'>> {
    const { run, rank, ranks } = this;
    await this.send({ t: 'hello', v: 1, run, rank, ranks, client: 'test', ...more });
    const welcome = await this.next('welcome', 'refuse');
    if (welcome.t !== 'welcome') throw new Error(`refused: ${welcome.code}: ${welcome.message}`);
    this.credit = welcome.credit;
    return welcome;
  }

  async uniform(dims: readonly number[], more: object = {}): Promise<void> {
    await this.send({
      t: 'mesh',
      mesh: 'grid',
      block: this.rank,
      kind: 'uniform',
      dims,
      origin: [0, 0, 0],
      spacing: [1, 1, 1],
      ...more,
    });
  }

  /** Waits for credit, as an honest client does, then sends. */
  async field(step: number, field: string, values: Float32Array, more: object = {}): Promise<void> {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    while (this.credit <= 0) await this.next('credit');
    this.credit -= bytes.length;
    const header = { t: 'field', step, field, mesh: 'grid', block: this.rank, assoc: 'node', dtype: 'f32' };
    await this.send({ ...header, shape: [values.length], ...more }, bytes);
  }

  /** A whole step of f32 fields. */
  async step(step: number, fields: Record<string, Float32Array>, time = step): Promise<void> {
    await this.send({ t: 'begin', step, time });
    for (const [name, values] of Object.entries(fields)) await this.field(step, name, values);
    await this.send({ t: 'end', step, fields: Object.keys(fields).length });
  }

  /** The next message of one of these types; others before it stay in the inbox. */
  async next<T extends ServiceMessage['t']>(...types: T[]): Promise<Reply<T>> {
    for (const deadline = Date.now() + this.patience; ;) {
      const at = this.inbox.findIndex((message) => (types as string[]).includes(message.t));
      const [message] = at >= 0 ? this.inbox.splice(at, 1) : [];
      if (message) return message as Reply<T>;
      const left = deadline - Date.now();
      if (left <= 0) throw new Error(`no ${types.join(' or ')}; inbox: ${JSON.stringify(this.inbox)}`);
      await Promise.race([
        new Promise<void>((resolve) => this.waiting.push(resolve)),
        new Promise<void>((resolve) => setTimeout(resolve, Math.min(left, 1000)).unref()),
      ]);
    }
  }

  /** The ack of a step; acks of other steps stay in the inbox, an error about it throws. */
  async ack(step: number): Promise<Reply<'ack'>> {
    for (;;) {
      const message = await this.next('ack', 'error');
      if (message.t === 'ack' && message.step === step) return message;
      if (message.t === 'error') throw new Error(`${message.code}: ${message.message}`);
    }
  }

  async close(): Promise<void> {
    this.socket.close();
    await this.loop;
  }

  private async receive(): Promise<void> {
    try {
      for await (const [bytes] of this.socket) {
        if (!bytes) continue;
        const message = packr.unpack(bytes) as ServiceMessage;
        if (message.t === 'credit') this.credit += message.bytes;
        this.inbox.push(message);
        for (const wake of this.waiting.splice(0)) wake();
      }
    } catch (error) {
      if (!this.socket.closed) throw error;
    }
  }
}

/** A smooth field that changes a little from step to step. */
export function wave(dims: readonly [number, number, number], step: number, phase = 0): Float32Array {
  const [nx, ny, nz] = dims;
  const values = new Float32Array(nx * ny * nz);
  for (let z = 0, i = 0; z < nz; z++) {
    for (let y = 0; y < ny; y++) {
      for (let x = 0; x < nx; x++, i++) {
        values[i] =
          Math.sin((3 * x) / nx + 0.01 * step + phase) * Math.cos((4 * y) / ny) +
          0.3 * Math.sin((5 * z) / nz + phase);
      }
    }
  }
  return values;
}

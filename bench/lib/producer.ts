import { Packr } from 'msgpackr';
import { Dealer } from 'zeromq';
import type { Mesh } from '../../src/protocol/mesh.js';

const packr = new Packr({ useRecords: false, variableMapSize: true });

/** A one-rank simulation that speaks the protocol (docs/protocol.md) directly: the steps of a bench. */
export class Producer {
  readonly #socket = new Dealer({ linger: 0 });
  #credit = 0;
  #acknowledged = -1;
  #failure: Error | undefined;
  #wake: () => void = () => {};
  /** Longest time a step waited for credit, seconds. */
  waited = 0;

  static async open(endpoint: string, run: string, mesh: Mesh & { kind: 'uniform' }): Promise<Producer> {
    const producer = new Producer();
    producer.#socket.connect(endpoint);
    await producer.#send({ t: 'hello', v: 1, run, rank: 0, ranks: 1, client: 'bench' });
    void producer.#listen();
    await producer.#until(() => producer.#credit > 0);
    const { kind, dims, origin, spacing } = mesh;
    await producer.#send({ t: 'mesh', mesh: 'grid', block: 0, kind, dims, origin, spacing, arrays: [] });
    return producer;
  }

  /** Sends one step as far as credit allows; returns when the last array is handed over. */
  async push(step: number, dims: readonly number[], fields: Record<string, Uint8Array>): Promise<void> {
    await this.#send({ t: 'begin', step, time: step });
    const shape = [dims.reduce((product, n) => product * n, 1)];
    for (const [field, data] of Object.entries(fields)) {
      const began = performance.now();
      await this.#until(() => this.#credit > 0);
      this.waited = Math.max(this.waited, (performance.now() - began) / 1000);
      this.#credit -= data.byteLength;
      const header = { t: 'field', step, field, mesh: 'grid', block: 0, assoc: 'node', dtype: 'f32', shape };
      await this.#send(header, data);
    }
    await this.#send({ t: 'end', step, fields: Object.keys(fields).length });
  }

  /** Resolves when the step is durable. */
  async acknowledged(step: number): Promise<void> {
    await this.#until(() => this.#acknowledged >= step);
  }

  async close(): Promise<void> {
    await this.#send({ t: 'bye' });
    // Linger is 0: the service answers a ping only after it has taken the farewell.
    this.#socket.linger = 2000;
    this.#socket.close();
  }

  #send(header: Record<string, unknown>, ...frames: Uint8Array[]): Promise<void> {
    return this.#socket.send([packr.pack(header), ...frames]);
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.#failure) throw this.#failure;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async #listen(): Promise<void> {
    for await (const [frame] of this.#socket) {
      const message = packr.unpack(frame!) as Record<string, unknown>;
      if (message['t'] === 'welcome') this.#credit = Number(message['credit']);
      else if (message['t'] === 'credit') this.#credit += Number(message['bytes']);
      else if (message['t'] === 'ack') this.#acknowledged = Number(message['step']);
      else if (message['t'] === 'refuse' || message['t'] === 'error') {
        this.#failure = new Error(`${String(message['code'])}: ${String(message['message'])}`);
      }
      this.#wake();
    }
  }
}

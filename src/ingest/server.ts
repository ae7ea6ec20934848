import type { Logger } from 'pino';
import { Router } from 'zeromq';
import { GaussituError } from '../errors.js';
import { decodeHeader } from '../protocol/decode.js';
import { MAX_FRAMES, MAX_HEADER_BYTES } from '../protocol/limits.js';
import type { ClientMessage, HelloMessage } from '../protocol/messages.js';
import { encodeReply, type ServiceMessage } from '../protocol/replies.js';
import type { StepSource } from '../protocol/source.js';
import { bindAddress, bindError, checkAddress } from './address.js';
import { RunSession } from './run_session.js';

/** Opens archives for the runs that simulations announce. */
export interface RunHost {
  /**
   * The first hello of a run. Must subscribe to `source.events` before it resolves, to the steps that are durable
   * already. Throws a GaussituError to refuse the run.
   */
  open(source: StepSource): Promise<Iterable<number>>;
  /** Resolves when everything of the run is written and closed, so that it can be opened again. */
  closed(run: string): Promise<void>;
}

export interface IngestOptions {
  listen: string;
  allowRemote?: boolean;
  /** Raw bytes that one run may have in the service. */
  memory: number;
  /** Bytes of one message; default: memory. */
  maxMessage?: number;
  /** Seconds after which a silent rank that others wait for is given up. */
  timeout?: number;
  host: RunHost;
  log: Logger;
}

export interface IngestServer {
  /** Where it really listens, e.g. tcp://127.0.0.1:40123. */
  readonly endpoint: string;
  /** Refuses new ranks and tells those that are connected. */
  shutDown(): void;
  /** Closes the socket; answers that are on their way get a second. */
  close(): Promise<void>;
}

const DEFAULT_TIMEOUT_S = 60;
/** Identities of connections that were replaced; one that speaks again belongs to a second simulation. */
const MAX_REPLACED = 1024;

/** Binds the socket and starts to receive. Throws INVALID_ARGUMENT, ADDRESS_IN_USE. */
export async function openIngest(options: IngestOptions): Promise<IngestServer> {
  checkAddress(options.listen, options.allowRemote ?? false);
  const maxMessage = options.maxMessage ?? options.memory;
  const socket = new Router({
    linger: 1000,
    // Honest clients are held by their credit; this bounds what the socket takes in from others.
    receiveHighWaterMark: 64,
    sendHighWaterMark: 100_000,
    maxMessageSize: Math.max(maxMessage, MAX_HEADER_BYTES),
  });
  try {
    await socket.bind(bindAddress(options.listen));
  } catch (cause) {
    socket.close();
    throw bindError(options.listen, cause);
  }
  return new Server(socket, maxMessage, options);
}

class Server implements IngestServer {
  readonly endpoint: string;
  private readonly runs = new Map<string, RunSession>();
  private readonly replaced = new Set<string>();
  private readonly timer: NodeJS.Timeout;
  private readonly loop: Promise<void>;
  private sending: Promise<void> = Promise.resolve();
  private closing = false;
  private shuttingDown = false;

  constructor(
    private readonly socket: Router,
    private readonly maxMessage: number,
    private readonly options: IngestOptions,
  ) {
    this.endpoint = socket.lastEndpoint ?? options.listen;
    const timeoutMs = this.timeoutMs;
    this.timer = setInterval(() => this.tick(), Math.min(1000, timeoutMs / 4));
    this.loop = this.receiveAll();
  }

  shutDown(): void {
    this.shuttingDown = true;
    for (const session of this.runs.values()) session.broadcast({ t: 'error', ...SHUTTING_DOWN });
  }

  async close(): Promise<void> {
    this.closing = true;
    clearInterval(this.timer);
    await this.sending;
    this.socket.close();
    await this.loop;
  }

  private get timeoutMs(): number {
    return (this.options.timeout ?? DEFAULT_TIMEOUT_S) * 1000;
  }

  private tick(): void {
    for (const session of this.runs.values()) session.checkLiveness(Date.now());
  }

  private async receiveAll(): Promise<void> {
    while (!this.closing) {
      let parts: Buffer[];
      try {
        parts = await this.socket.receive();
      } catch (error) {
        if (this.closing) return;
        this.options.log.error({ error: (error as Error).message }, 'receive failed');
        continue;
      }
      try {
        await this.receive(parts);
      } catch (error) {
        // Nothing that a client sends may stop the service.
        this.options.log.error({ error }, 'internal error while handling a message');
      }
    }
  }

  private async receive([identity, header, ...frames]: Buffer[]): Promise<void> {
    if (!identity) return;
    const peer = identity.toString('latin1');
    const session = this.sessionOf(peer);
    let message: ClientMessage;
    try {
      message = this.decode(header, frames);
    } catch (error) {
      this.unreadable(peer, session, error as Error);
      return;
    }
    if (message.t === 'hello') await this.hello(peer, message);
    else if (session) session.receive(peer, message, frames);
    else if (this.replaced.has(peer)) this.send(peer, { t: 'refuse', ...REPLACED });
    else this.send(peer, { t: 'error', ...HELLO_EXPECTED });
  }

  private decode(header: Buffer | undefined, frames: Buffer[]): ClientMessage {
    const bytes = frames.reduce((sum, frame) => sum + frame.length, 0);
    if (frames.length > MAX_FRAMES || bytes > this.maxMessage) {
      throw new GaussituError('TOO_LARGE', 'message', {
        expected: `at most ${MAX_FRAMES} frames and ${this.maxMessage} bytes after the header`,
        received: `${frames.length} frames, ${bytes} bytes`,
        hint: 'send smaller blocks or start the service with more --memory',
      });
    }
    return decodeHeader(header ?? new Uint8Array());
  }

  private unreadable(peer: string, session: RunSession | undefined, error: Error): void {
    if (session) {
      session.unreadable(peer, error);
      return;
    }
    const code = error instanceof GaussituError ? error.code : 'INTERNAL';
    // A hello that is wrong in one of these will not become right by sending it again.
    const final = code === 'VERSION' || code === 'RUN' || code === 'RANK';
    this.options.log.warn({ code }, error.message);
    this.send(peer, { t: final ? 'refuse' : 'error', code, message: error.message });
  }

  private async hello(peer: string, hello: HelloMessage): Promise<void> {
    try {
      if (this.shuttingDown) throw new GaussituError(SHUTTING_DOWN.code, SHUTTING_DOWN.message);
      const session = await this.session(hello);
      const before = session.attach(peer, hello);
      if (before !== undefined) this.replace(before);
      this.replaced.delete(peer);
    } catch (error) {
      const known = error instanceof GaussituError;
      const code = known ? (error.code === 'ARCHIVE_BUSY' ? 'RUN_BUSY' : error.code) : 'INTERNAL';
      const text = (error as Error).message;
      this.options.log.warn({ run: hello.run, rank: hello.rank, code }, `refused: ${text}`);
      this.send(peer, { t: 'refuse', code, message: text });
    }
  }

  private async session(hello: HelloMessage): Promise<RunSession> {
    const running = this.runs.get(hello.run);
    if (running?.status === 'open') return running;
    if (running) {
      // Finished or failed: what is left of it is written before it may go on.
      await this.options.host.closed(hello.run);
      this.runs.delete(hello.run);
    }
    const session = new RunSession(hello, {
      memory: this.options.memory,
      maxMessage: this.maxMessage,
      timeoutMs: this.timeoutMs,
      send: (peer, message) => this.send(peer, message),
      log: this.options.log.child({ run: hello.run }),
    });
    session.restore(await this.options.host.open(session));
    this.runs.set(hello.run, session);
    return session;
  }

  private sessionOf(peer: string): RunSession | undefined {
    for (const session of this.runs.values()) if (session.has(peer)) return session;
    return undefined;
  }

  private replace(peer: string): void {
    this.replaced.add(peer);
    if (this.replaced.size > MAX_REPLACED) {
      const [oldest] = this.replaced;
      if (oldest !== undefined) this.replaced.delete(oldest);
    }
  }

  /** One send at a time (the socket allows no more); answers to a peer that is gone are dropped by the socket. */
  private send(peer: string, message: ServiceMessage): void {
    if (this.closing) return;
    const parts = [Buffer.from(peer, 'latin1'), encodeReply(message)];
    this.sending = this.sending
      .then(() => this.socket.send(parts))
      .catch((error: unknown) => {
        this.options.log.warn({ error: (error as Error).message }, `${message.t} could not be sent`);
      });
  }
}

const SHUTTING_DOWN = {
  code: 'SHUTTING_DOWN',
  message:
    'the service is shutting down: steps that were not acknowledged have to be sent again to the next one',
} as const;
const HELLO_EXPECTED = {
  code: 'HELLO_EXPECTED',
  message: 'this connection is not known: send hello, meshes, and every step that was not acknowledged',
} as const;
const REPLACED = {
  code: 'RUN_BUSY',
  message:
    'another client has said hello as this rank of this run: two simulations with the same run id? ' +
    'Give each its own',
} as const;

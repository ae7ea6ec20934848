import { EventEmitter, once } from 'node:events';
import pino from 'pino';
import { openIngest, type IngestOptions, type IngestServer } from '../../src/ingest/index.js';
import type { SourceEvent, StepSource } from '../../src/protocol/source.js';

/** The ingest server with a host that keeps what it is given, and releases fields when told to (or at once). */
export interface Recorder {
  server: IngestServer;
  sources: StepSource[];
  events: SourceEvent[];
  /** Releases what is held now; with `always`, also all that comes. */
  releaseAll(always?: boolean): void;
  /** Resolves when an event matches. */
  seen(match: (event: SourceEvent) => boolean): Promise<SourceEvent>;
  finished: Promise<void>;
  /** Steps that the next run is told to be durable. */
  durable: number[];
}

export const summary = (step: number): Parameters<StepSource['committed']>[0] => ({
  step,
  time: 0,
  rawBytes: 4096,
  storedBytes: 41,
  seconds: 0.1,
  fields: [],
});

export async function record(options: Partial<IngestOptions> = {}): Promise<Recorder> {
  const events: SourceEvent[] = [];
  const sources: StepSource[] = [];
  let held: (() => void)[] = [];
  let always = false;
  let waiting: (() => void)[] = [];
  const ends = new EventEmitter();
  const finished = once(ends, 'finish').then(() => undefined);
  const recorder = { durable: [] as number[] };
  const server = await openIngest({
    listen: 'tcp://127.0.0.1:0',
    memory: 1e6,
    log: pino({ level: 'silent' }),
    host: {
      open(source) {
        sources.push(source);
        source.events.subscribe({
          next(event) {
            events.push(event);
            if (event.type === 'field') {
              if (always) event.release();
              else held.push(event.release);
            }
            for (const wake of waiting.splice(0)) wake();
          },
          complete: () => ends.emit('finish'),
        });
        return Promise.resolve(recorder.durable);
      },
      closed: () => Promise.resolve(),
    },
    ...options,
  });
  return Object.assign(recorder, {
    server,
    sources,
    events,
    finished,
    releaseAll(andAlways = false) {
      always = andAlways;
      for (const release of held) release();
      held = [];
    },
    async seen(match: (event: SourceEvent) => boolean) {
      for (;;) {
        const found = events.find(match);
        if (found) return found;
        await new Promise<void>((resolve) => {
          waiting.push(resolve);
        });
      }
    },
  });
}

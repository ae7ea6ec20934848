import { Observable } from 'rxjs';
import type { FieldBlock } from '../protocol/field.js';
import type { MeshBlock } from '../protocol/mesh.js';
import type { RunInfo, SourceEvent, StepSource, StepSummary } from '../protocol/source.js';
import type { Input } from './types.js';

export interface ReplayOptions {
  run: string;
  /** Bytes of field data that may be unreleased; one field may always be. */
  memory: number;
  onCommitted?: (step: StepSummary) => void;
  onFailed?: (error: Error, at?: { step: number; field?: string }) => void;
  /** Steps up to this one are in the archive already. */
  after?: number;
}

/** What an archive has to know of a replayed run. */
export function replayInfo(input: Input, run: string): RunInfo {
  return { run, ranks: 1, client: 'replay', meta: { input: input.path } };
}

/** Plays an input into the pipeline as a simulation would, as fast as fields are released. */
export function replaySource(input: Input, options: ReplayOptions): StepSource {
  const window = new Window(options.memory);
  return {
    info: replayInfo(input, options.run),
    window: options.memory,
    events: new Observable((subscriber) => {
      void (async () => {
        try {
          for await (const event of play(input, options.after ?? -1, window)) {
            if (subscriber.closed) return;
            subscriber.next(event);
          }
          subscriber.complete();
        } catch (error) {
          subscriber.error(error);
        }
      })();
      return () => window.open();
    }),
    committed: (step) => {
      window.committed();
      options.onCommitted?.(step);
    },
    failed: (error, at) => options.onFailed?.(error, at),
  };
}

async function* play(input: Input, after: number, window: Window): AsyncGenerator<SourceEvent> {
  const sent = new Map<string, readonly MeshBlock[]>();
  for (const step of input.steps) {
    if (step <= after) continue;
    for (const { name, mesh } of input.fields) {
      if (!input.has(step, name)) continue;
      const blocks = await input.mesh(mesh, step);
      if (sent.get(mesh) !== blocks) {
        for (const block of blocks) yield { type: 'mesh', mesh: block };
        sent.set(mesh, blocks);
      }
      await window.room();
      for (const field of await input.readField(step, name))
        yield { type: 'field', field, release: window.take(field) };
    }
    window.emitted();
    yield { type: 'step', step, time: input.time(step) };
  }
}

/** Steps that may be emitted and not yet durable: what is read for nothing when a run is stopped. */
const STEPS_AHEAD = 3;

/** Counts unreleased bytes and undone steps; `room` waits while there are as many as allowed. */
class Window {
  private held = 0;
  private ahead = 0;
  private opened = false;
  private waiting: (() => void) | undefined;

  constructor(private readonly limit: number) {}

  async room(): Promise<void> {
    while (!this.opened && (this.ahead >= STEPS_AHEAD || (this.held > 0 && this.held >= this.limit))) {
      await new Promise<void>((resolve) => {
        this.waiting = resolve;
      });
    }
  }

  take(field: FieldBlock): () => void {
    const bytes = field.data.length;
    this.held += bytes;
    let released = false;
    return () => {
      if (released) return;
      released = true;
      this.held -= bytes;
      this.wake();
    };
  }

  emitted(): void {
    this.ahead++;
  }

  committed(): void {
    this.ahead--;
    this.wake();
  }

  /** Lets everybody through: nobody listens any more. */
  open(): void {
    this.opened = true;
    this.wake();
  }

  private wake(): void {
    this.waiting?.();
    this.waiting = undefined;
  }
}

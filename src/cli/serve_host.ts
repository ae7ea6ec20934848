import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { openArchive, openArchiveWriter, type ArchiveWriter } from '../archive/index.js';
import { lockFolder } from '../archive/lock.js';
import type { Codec } from '../codec/types.js';
import { recorded } from '../config/index.js';
import type { RunSettings } from '../config/types.js';
import { GaussituError } from '../errors.js';
import type { RunHost } from '../ingest/index.js';
import { runPipeline, type PipelineResult } from '../pipeline/index.js';
import type { StepSource } from '../protocol/source.js';
import type { Progress } from './progress.js';
import type { Output } from './serve_output.js';

/** Runs that --multi serves at once: each may hold --memory bytes. */
const MAX_RUNS = 16;

export interface ServeHostOptions {
  out: string;
  multi: boolean;
  settings: RunSettings;
  codec: Codec;
  log: Logger;
  output: Output;
  progress: Progress;
  signal: AbortSignal;
}

/** Gives every run that a simulation announces its archive and its pipeline. */
export class ServeHost implements RunHost {
  private readonly active = new Map<string, Promise<void>>();
  private readonly sum: PipelineResult = { steps: 0, rawBytes: 0, storedBytes: 0, dropped: 0, failures: [] };
  private runs = 0;
  private onEnd: ((error: Error | undefined) => void) | undefined;

  constructor(private readonly options: ServeHostOptions) {}

  async open(source: StepSource): Promise<Iterable<number>> {
    const { info } = source;
    const { multi, out, settings, output } = this.options;
    const [busy] = this.active.keys();
    if (busy !== undefined && (!multi || this.active.size >= MAX_RUNS)) {
      throw new GaussituError('RUN_BUSY', `run ${info.run} cannot start`, {
        expected: multi ? `at most ${MAX_RUNS} runs at once` : 'the one run that this service writes',
        received: multi ? 'one more' : `run ${busy} is being written`,
        hint: multi ? 'wait, or start another service' : 'start the service with --multi, or another one',
      });
    }
    const path = multi ? join(out, info.run) : out;
    const archive = await openArchiveWriter(path, {
      info,
      mesh: settings.mesh,
      settings: recorded(settings),
    });
    let steps: number[];
    try {
      steps = await (await openArchive(path)).steps();
    } catch (error) {
      await archive.close(false);
      throw error;
    }
    output.run(info, path, archive.lastStep);
    this.runs++;
    this.active.set(info.run, this.write(source, archive));
    return steps;
  }

  async closed(run: string): Promise<void> {
    await this.active.get(run);
  }

  async allClosed(): Promise<void> {
    await Promise.all(this.active.values());
  }

  /** Rejects when a run fails; with `finished`, resolves when one is finished. */
  firstEnd(finished: boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      this.onEnd = (error) => {
        if (error) reject(error);
        else if (finished) resolve();
      };
    });
  }

  totals(): PipelineResult & { runs: number } {
    return { ...this.sum, runs: this.runs };
  }

  /** Never rejects: what goes wrong with one run is told to its client and the user. */
  private async write(source: StepSource, archive: ArchiveWriter): Promise<void> {
    const { codec, settings, log, output, progress, signal } = this.options;
    const { run } = source.info;
    let failure: Error | undefined;
    try {
      const result = await runPipeline({
        source: reporting(source, output),
        archive,
        codec,
        settings,
        log: log.child({ run }),
        signal,
        onProgress: (at, p) => progress.field(at, p),
        onStep: (summary) => {
          progress.step(summary);
          output.step(run, summary);
        },
      });
      this.sum.steps += result.steps;
      this.sum.rawBytes += result.rawBytes;
      this.sum.storedBytes += result.storedBytes;
      this.sum.dropped += result.dropped;
      this.sum.failures.push(...result.failures);
    } catch (error) {
      failure = error as Error;
    }
    try {
      await archive.close(!failure && !signal.aborted);
    } catch (error) {
      failure ??= error as Error;
    }
    this.active.delete(run);
    this.onEnd?.(failure);
  }
}

/** The same source, failures shown to the user as well. */
function reporting(source: StepSource, output: Output): StepSource {
  return {
    info: source.info,
    events: source.events,
    ...(source.window !== undefined && { window: source.window }),
    committed: (summary) => source.committed(summary),
    failed: (error, at) => {
      output.failed(source.info.run, error, at);
      source.failed(error, at);
    },
  };
}

/** Finds out at the start, not with the first timestep, that a folder cannot be written or is in use. */
export async function checkFolder(out: string, multi: boolean): Promise<void> {
  try {
    await mkdir(out, { recursive: true });
    if (multi) return;
    const unlock = await lockFolder(out);
    await unlock();
  } catch (error) {
    if (error instanceof GaussituError) throw error;
    throw new GaussituError('ARCHIVE_FAILED', `--out ${out}`, {
      expected: 'a folder that can be written to',
      received: (error as Error).message,
      cause: error,
    });
  }
}

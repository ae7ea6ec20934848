import { Subject, concatMap, groupBy, ignoreElements, lastValueFrom, merge, mergeMap, takeUntil } from 'rxjs';
import { GaussituError } from '../errors.js';
import type { FieldBlock } from '../protocol/field.js';
import type { MeshBlock } from '../protocol/mesh.js';
import type { SourceEvent } from '../protocol/source.js';
import { Committer } from './commit.js';
import { makeJobs, type BlockJob, type StepPlan } from './job.js';
import { logFields } from './log.js';
import { StepAssembly } from './step.js';
import { Trainer } from './train.js';
import type { PipelineOptions, PipelineResult, RunPipeline } from './types.js';

/** When a source without a window has been silent for this long, what it delivered is started. */
const IDLE_MS = 500;

export const runPipeline: RunPipeline = (options) => new Pipeline(options).run();

interface Work {
  job: BlockJob;
  plan: StepPlan;
  order: number;
  assembly: StepAssembly;
  ready: Promise<void>;
  done: () => void;
}

/**
 * source ─► step assemblies ─► [plan] ─► one chain per (field component, mesh, block), parallel ─► commit, in order ─► ack
 *
 * A step is planned when it is complete: then the bytes and seconds of every block are fixed. When memory is short
 * (half the source's window is held unplanned) the oldest step is started with what has come of it.
 */
class Pipeline {
  private readonly trainer: Trainer;
  private readonly committer: Committer;
  private readonly meshes = new Map<string, MeshBlock>();
  private readonly assemblies = new Map<number, StepAssembly>();
  private readonly work = new Subject<Work>();
  private readonly complete = new Subject<{ assembly: StepAssembly; order: number }>();
  /** Complete steps that are not durable yet. */
  private readonly inFlight = new Set<StepAssembly>();
  private readonly result: PipelineResult = {
    steps: 0,
    rawBytes: 0,
    storedBytes: 0,
    dropped: 0,
    failures: [],
  };
  private readonly window: number;
  private heldBytes = 0;
  private activeJobs = 0;
  private eventsSinceTick = 0;
  private order = 0;
  private assembled = 0;
  private lastPlan: StepPlan | undefined;
  private readonly stop = new Subject<void>();
  private failure: Error | undefined;
  private readonly runBytesBefore: number;

  constructor(private readonly options: PipelineOptions) {
    const { archive, codec, settings, log, onProgress, source } = options;
    this.trainer = new Trainer({
      archive,
      codec,
      log,
      settings,
      secondsPerStep: settings.secondsPerStep,
      ...(onProgress && { onProgress }),
    });
    this.committer = new Committer(archive, this.trainer.budgets, log);
    this.runBytesBefore = archive.lastStep < 0 ? 0 : archive.runBytes;
    this.window = source.window ?? settings.memory / Math.max(1, source.info.ranks);
  }

  async run(): Promise<PipelineResult> {
    const { source, signal } = this.options;
    const chains = this.work.pipe(
      groupBy((work) => work.job.chain),
      mergeMap((chain) => chain.pipe(concatMap((work) => this.train(work)))),
    );
    const commits = this.complete.pipe(concatMap((step) => this.commit(step.assembly, step.order)));
    const finished = lastValueFrom(merge(chains, commits).pipe(ignoreElements()), {
      defaultValue: undefined,
    });

    const abort = (): void => this.stop.next();
    source.events.pipe(takeUntil(this.stop)).subscribe({
      next: (event) => this.receive(event),
      error: (error: Error) => this.fail(error),
      complete: () => this.end(),
    });
    signal?.addEventListener('abort', abort, { once: true });
    if (signal?.aborted) abort();
    const idle = source.window === undefined ? setInterval(() => this.tick(), IDLE_MS) : undefined;
    try {
      await finished;
    } finally {
      clearInterval(idle);
      signal?.removeEventListener('abort', abort);
    }
    if (this.failure) throw this.failure;
    // After an abort the source may send an incomplete step again to the next service: it is not dropped yet.
    if (!signal?.aborted) await this.committer.recordDropped(Infinity);
    const runFile = this.options.archive.runBytes - this.runBytesBefore;
    return {
      ...this.result,
      storedBytes: this.result.storedBytes + (this.result.steps > 0 ? runFile : 0),
      dropped: this.committer.droppedCount,
    };
  }

  private receive(event: SourceEvent): void {
    this.eventsSinceTick++;
    switch (event.type) {
      case 'mesh':
        this.meshes.set(`${event.mesh.name}/${event.mesh.block}`, event.mesh);
        break;
      case 'field':
        this.hold(event.field, event.release);
        break;
      case 'step': {
        const assembly = this.assembly(event.step, event.time);
        assembly.time = event.time;
        assembly.values = event.values;
        assembly.fate.complete = true;
        this.start(assembly, true);
        this.assemblies.delete(event.step);
        this.inFlight.add(assembly);
        this.complete.next({ assembly, order: this.order++ });
        break;
      }
      case 'abandon':
        this.forget(event.step);
        this.committer.drop(event.step, event.reason);
        break;
    }
  }

  private hold(field: FieldBlock, release: () => void): void {
    const assembly = this.assembly(field.step, field.time);
    try {
      const mesh = this.meshes.get(`${field.mesh}/${field.block}`);
      if (!mesh) {
        throw new GaussituError('UNKNOWN_MESH', `field ${field.field}`, {
          expected: 'a mesh that was sent before',
          received: `${field.mesh}, block ${field.block}`,
        });
      }
      const jobs = makeJobs(field, mesh, this.options.settings, this.options.source.info);
      const twice = jobs.find((job) => assembly.chains.has(job.chain));
      if (twice) {
        throw new GaussituError('FIELD_FAILED', `field ${field.field}, block ${field.block}`, {
          expected: 'each name once per step',
          received: `${twice.name} a second time`,
          hint: 'components of vectors are stored as name_x, name_y, name_z',
        });
      }
      assembly.hold({ jobs, bytes: field.data.byteLength, release });
      this.heldBytes += field.data.byteLength;
    } catch (error) {
      release();
      this.fieldFailed(field.step, field.field, error as Error);
      return;
    }
    while (this.heldBytes > this.window / 2 && this.startOldest());
  }

  /** A source that waits for releases rather than completing its step gets them. */
  private tick(): void {
    if (this.eventsSinceTick === 0 && this.activeJobs === 0) this.startOldest();
    this.eventsSinceTick = 0;
  }

  private startOldest(): boolean {
    const steps = [...this.assemblies.values()].filter((assembly) => assembly.held.length > 0);
    if (steps.length === 0) return false;
    this.start(
      steps.reduce((oldest, assembly) => (assembly.step < oldest.step ? assembly : oldest)),
      false,
    );
    return true;
  }

  /** Fixes the plan for the fields that are held and puts their jobs into their chains. */
  private start(assembly: StepAssembly, complete: boolean): void {
    const plan = assembly.plan(this.lastPlan, complete);
    if (complete) this.lastPlan = plan;
    const order = this.order;
    const ready = complete ? this.committer.durable(order - 2) : Promise.resolve();
    const held = assembly.held.splice(0);
    const jobs = held.flatMap((field) => field.jobs);
    this.trainer.announce(jobs, order, assembly.fate);
    for (const field of held) {
      this.heldBytes -= field.bytes;
      let open = field.jobs.length;
      const done = (): void => {
        if (--open === 0) field.release();
      };
      for (const job of field.jobs) {
        this.activeJobs++;
        assembly.running.push(
          new Promise((resolve) => {
            const settled = (): void => {
              this.activeJobs--;
              done();
              resolve();
            };
            this.work.next({ job, plan, order, assembly, ready, done: settled });
          }),
        );
      }
    }
  }

  private async train({ job, plan, order, assembly, ready, done }: Work): Promise<void> {
    const { signal } = assembly.controller;
    try {
      await ready;
      signal.throwIfAborted();
      assembly.trained.push({
        job,
        ...(await this.trainer.train({ job, plan, order, fate: assembly.fate, signal })),
      });
    } catch (error) {
      if (!signal.aborted) this.fieldFailed(assembly.step, job.name, error as Error);
    } finally {
      this.trainer.settled(job);
      done();
    }
  }

  private async commit(assembly: StepAssembly, order: number): Promise<void> {
    if (this.failure) return;
    const { source, log, onStep } = this.options;
    try {
      const summary = await this.committer.commit(assembly, order);
      this.result.steps++;
      this.result.rawBytes += summary.rawBytes;
      this.result.storedBytes += summary.storedBytes;
      source.committed(summary);
      onStep?.(summary);
      log.info(logFields(summary), `step ${summary.step} durable`);
    } catch (error) {
      this.fail(error as Error);
    } finally {
      this.inFlight.delete(assembly);
    }
  }

  private fieldFailed(step: number, field: string, error: Error): void {
    this.options.log.error(
      { step, field, error: error.message },
      `field ${field} of step ${step} was not stored`,
    );
    this.result.failures.push({ step, field, message: error.message });
    this.options.source.failed(error, { step, field });
  }

  private assembly(step: number, time: number): StepAssembly {
    let assembly = this.assemblies.get(step);
    if (!assembly) {
      this.committer.undrop(step);
      this.assemblies.set(step, (assembly = new StepAssembly(step, time, this.assembled++)));
    }
    return assembly;
  }

  private forget(step: number): void {
    const assembly = this.assemblies.get(step);
    if (!assembly) return;
    this.heldBytes -= assembly.held.reduce((sum, field) => sum + field.bytes, 0);
    assembly.discard();
    this.assemblies.delete(step);
  }

  /** No more events: complete steps go through, incomplete ones are let go. */
  private end(): void {
    for (const step of this.assemblies.keys()) this.forget(step);
    this.work.complete();
    this.complete.complete();
  }

  /** The archive can take no more, or the source broke: everything stops, nothing more is acknowledged. */
  private fail(error: Error): void {
    if (this.failure) return;
    this.failure = error;
    this.options.log.error({ error: error.message }, 'the run failed');
    for (const assembly of this.inFlight) assembly.discard();
    this.committer.giveUp();
    this.options.source.failed(error);
    this.stop.next();
    this.end();
  }
}

import { mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { GaussituError } from '../errors.js';
import type { MeshBlock } from '../protocol/mesh.js';
import type { StepSummary } from '../protocol/source.js';
import { archiveFailed, removeTemporaries, writeDurable } from './files.js';
import { lockFolder } from './lock.js';
import { describeMesh, encodeMesh } from './mesh_file.js';
import { listSteps, readStepFile, stepFileName } from './reader.js';
import { RUN_FILE, RUN_FORMAT, RUN_VERSION, SOFTWARE, encodeRun, readRun, type RunFile } from './run_file.js';
import { decodeStep, encodeStep, stepOverhead } from './step_file.js';
import { summarise } from './summary.js';
import type { ArchiveWriter, ArchiveWriterOptions, FieldEntry, StepEntry, StepRecord } from './types.js';

/** See ArchiveWriter. Throws ARCHIVE_BUSY, ARCHIVE_FAILED, CORRUPT_STREAM. */
export async function openWriter(path: string, options: ArchiveWriterOptions): Promise<ArchiveWriter> {
  let unlock: () => Promise<void>;
  try {
    await mkdir(path, { recursive: true });
    unlock = await lockFolder(path);
  } catch (error) {
    throw archiveFailed(`cannot write to ${path}`, error);
  }
  try {
    const writer = new Writer(path, options, unlock);
    await writer.resume();
    return writer;
  } catch (error) {
    await unlock().catch(() => undefined);
    throw archiveFailed(`cannot write to ${path}`, error);
  }
}

class Writer implements ArchiveWriter {
  lastStep = -1;
  stepCount = 0;
  meshBytes = 0;
  private readonly run: RunFile;
  runBytes = 0;
  private readonly byField = new Map<string, { raw: number; stored: number }>();
  /** Of the last committed step, for warm starts. */
  private last = new Map<string, FieldEntry>();
  private lastOverhead: { fields: number; blocks: number; bytes: number } | undefined;
  private meshSerial = 0;
  private closed = false;
  /** One change of the folder at a time, in the order of the calls. */
  private queue: Promise<unknown> = Promise.resolve();

  constructor(
    readonly path: string,
    private readonly options: ArchiveWriterOptions,
    private readonly unlock: () => Promise<void>,
  ) {
    this.run = {
      format: RUN_FORMAT,
      version: RUN_VERSION,
      software: SOFTWARE,
      info: { ...options.info },
      settings: options.settings,
      finished: false,
      dropped: [],
      meshes: [],
    };
  }

  /** Takes up a run that is there already, or starts one. */
  async resume(): Promise<void> {
    await removeTemporaries(this.path);
    const before = await readRun(this.path);
    if (before && before.info.run !== this.run.info.run) {
      throw new GaussituError('ARCHIVE_BUSY', `${this.path} holds another run`, {
        expected: `run ${this.run.info.run}`,
        received: `run ${before.info.run}`,
        hint: 'give --out another folder',
      });
    }
    const steps = await listSteps(this.path);
    if (!before && steps.length > 0) {
      throw new GaussituError('CORRUPT_STREAM', `${this.path} has steps but no ${RUN_FILE}`, {
        hint: 'give --out another folder',
      });
    }
    if (before) {
      this.run.dropped = before.dropped;
      this.run.meshes = before.meshes;
    }
    for (const name of await readdir(this.path)) {
      const serial = /^mesh_(\d+)\.h5$/.exec(name)?.[1];
      if (!serial) continue;
      this.meshSerial = Math.max(this.meshSerial, Number(serial));
      this.meshBytes += (await stat(join(this.path, name))).size;
    }
    for (const step of steps) this.account(await readStepFile(this.path, step));
    await this.writeRun(this.run);
  }

  totals(field: string): { raw: number; stored: number } {
    const own = this.byField.get(field) ?? { raw: 0, stored: 0 };
    const raw = [...this.byField.values()].reduce((sum, f) => sum + f.raw, 0);
    return { raw: own.raw, stored: own.stored + (raw > 0 ? (this.runBytes * own.raw) / raw : 0) };
  }

  overheadBytes(fields: number, blocks: number): number {
    const last = this.lastOverhead;
    const scale = last ? last.bytes / stepOverhead(last.fields, last.blocks) : 1;
    return Math.round(scale * stepOverhead(fields, blocks));
  }

  async previousModel(name: string, mesh: string, block: number): Promise<FieldEntry | undefined> {
    await this.queue.catch(() => undefined);
    const entry = this.last.get(chainKey(name, mesh, block));
    return entry?.kind === 'gaussian' ? entry : undefined;
  }

  async readStep(step: number): Promise<StepEntry> {
    return readStepFile(this.path, step);
  }

  async writeMesh(mesh: MeshBlock): Promise<void> {
    return this.exclusively(async () => {
      const entry = describeMesh(mesh, this.lastStep);
      const same = (m: (typeof this.run.meshes)[number]) => m.name === entry.name && m.block === entry.block;
      if (this.run.meshes.findLast(same)?.digest === entry.digest) return;
      // Axes are few numbers and decode needs them; the rest is geometry that `none` leaves out.
      const arrays = mesh.mesh.kind !== 'uniform' || mesh.ghosts !== undefined || mesh.nesting !== undefined;
      if (mesh.mesh.kind === 'rectilinear' || (arrays && this.options.mesh === 'store')) {
        const name = `mesh_${String(++this.meshSerial).padStart(6, '0')}.h5`;
        const bytes = await encodeMesh(mesh);
        await writeDurable(join(this.path, name), bytes);
        this.meshBytes += bytes.length;
        entry.file = name;
      }
      // A version that no committed step has used is replaced, not kept.
      const kept = this.run.meshes.filter((m) => !(same(m) && m.after === entry.after));
      await this.writeRun({ ...this.run, meshes: [...kept, entry] });
    });
  }

  async commitStep(step: StepRecord): Promise<StepSummary> {
    const started = performance.now();
    return this.exclusively(async () => {
      if (!Number.isSafeInteger(step.step) || step.step <= this.lastStep) {
        throw new GaussituError('BAD_STEP', 'steps are committed in increasing order', {
          expected: `a step above ${this.lastStep}`,
          received: String(step.step),
        });
      }
      const path = join(this.path, stepFileName(step.step));
      const bytes = await encodeStep(step);
      const entry = await decodeStep(bytes, path); // what cannot be read back must not be called durable
      if (entry.fields.length !== step.fields.length) {
        throw new GaussituError('INTERNAL', `${path} does not hold what was put in`);
      }
      await writeDurable(path, bytes);
      this.account(entry);
      return summarise(entry, (performance.now() - started) / 1000);
    });
  }

  async recordDropped(step: number, reason: string): Promise<void> {
    return this.exclusively(() =>
      this.writeRun({ ...this.run, dropped: [...this.run.dropped, { step, reason }] }),
    );
  }

  async close(finished: boolean): Promise<void> {
    if (this.closed) return;
    try {
      await this.exclusively(() => this.writeRun({ ...this.run, finished }));
    } finally {
      this.closed = true;
      await this.unlock();
    }
  }

  private account(entry: StepEntry): void {
    this.lastStep = entry.step;
    this.stepCount++;
    this.last = new Map(entry.fields.map((f) => [chainKey(f.name, f.mesh, f.block), f]));
    for (const field of entry.fields) {
      const total = this.byField.get(field.name) ?? { raw: 0, stored: 0 };
      total.raw += field.certificate.rawBytes;
      total.stored += field.storedBytes;
      this.byField.set(field.name, total);
    }
    const payloads = entry.fields.reduce((sum, f) => sum + f.payload.length, 0);
    if (entry.fields.length > 0) {
      const fields = new Set(entry.fields.map((f) => f.name)).size;
      this.lastOverhead = { fields, blocks: entry.fields.length, bytes: entry.fileBytes - payloads };
    }
  }

  private async writeRun(run: RunFile): Promise<void> {
    const bytes = encodeRun(run);
    await writeDurable(join(this.path, RUN_FILE), bytes);
    Object.assign(this.run, run);
    this.runBytes = bytes.length;
  }

  private async exclusively<T>(change: () => Promise<T>): Promise<T> {
    const result = this.queue.then(async () => {
      if (this.closed) throw new GaussituError('ARCHIVE_FAILED', `${this.path} was closed`);
      await stat(this.path).catch((error: unknown) => {
        throw archiveFailed(`cannot write to ${this.path}`, error);
      });
      return change();
    });
    this.queue = result.catch(() => undefined);
    return result;
  }
}

function chainKey(name: string, mesh: string, block: number): string {
  return JSON.stringify([name, mesh, block]);
}

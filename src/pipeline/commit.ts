import type { Logger } from 'pino';
import type { ArchiveWriter, FieldRecord } from '../archive/types.js';
import type { MeshBlock } from '../protocol/mesh.js';
import type { StepValues } from '../protocol/messages.js';
import type { StepSummary } from '../protocol/source.js';
import type { Budgets } from './budget.js';
import type { StepAssembly } from './step.js';

const MAX_VALUES_BYTES = 60_000;

/** Makes complete steps durable, in order. */
export class Committer {
  private readonly writtenMeshes = new Map<string, MeshBlock>();
  /** Steps that were given up, until it is certain that they will not be sent again. */
  private readonly dropped = new Map<number, string>();
  private commits = 0;
  private waiting: { order: number; resolve: () => void }[] = [];
  droppedCount = 0;

  constructor(
    private readonly archive: ArchiveWriter,
    private readonly budgets: Budgets,
    private readonly log: Logger,
  ) {}

  /** Resolves when the step of this order (counting committed steps from 0) is durable. */
  durable(order: number): Promise<void> {
    if (order < this.commits) return Promise.resolve();
    return new Promise((resolve) => this.waiting.push({ order, resolve }));
  }

  /** Throws what the archive throws; the step is then not durable and nothing was acknowledged. */
  async commit(assembly: StepAssembly, order: number): Promise<StepSummary> {
    await Promise.all(assembly.running);
    // Blocks finish, and ranks send, in any order; the file does not depend on it.
    assembly.trained.sort((a, b) => compareRecords(a.record, b.record));
    await this.recordDropped(assembly.step);
    for (const mesh of assembly.meshes) await this.writeMesh(mesh);
    const stored = await this.archive.commitStep({
      step: assembly.step,
      time: assembly.time,
      ...(assembly.values && { values: this.fitting(assembly.step, assembly.values) }),
      fields: assembly.trained.map(({ record }) => record),
    });
    const begun = Math.min(Date.now(), ...assembly.trained.map((result) => result.begun));
    const summary = { ...stored, seconds: (Date.now() - begun) / 1000 };
    this.budgets.settle(order, assembly.trained);
    this.commits = order + 1;
    const ready = this.waiting.filter((entry) => entry.order < this.commits);
    this.waiting = this.waiting.filter((entry) => entry.order >= this.commits);
    for (const entry of ready) entry.resolve();
    return summary;
  }

  /** Lets go of everyone who waits: nothing more will be committed. */
  giveUp(): void {
    for (const { resolve } of this.waiting.splice(0)) resolve();
  }

  drop(step: number, reason: string): void {
    this.log.warn({ step, reason }, `step ${step} dropped: ${reason}`);
    this.dropped.set(step, reason);
  }

  /** The step is being sent again after all. */
  undrop(step: number): void {
    this.dropped.delete(step);
  }

  /** Records the drops that are final: a step before one that is durable cannot come any more. */
  async recordDropped(before: number): Promise<void> {
    for (const [step, reason] of this.dropped) {
      if (step >= before) continue;
      await this.archive.recordDropped(step, reason);
      this.dropped.delete(step);
      this.droppedCount++;
    }
  }

  /** They are one HDF5 attribute, which holds less than 64 KiB. */
  private fitting(step: number, values: StepValues): StepValues {
    let bytes = 2;
    const kept = Object.entries(values).filter(
      ([name, value]) => (bytes += Buffer.byteLength(JSON.stringify({ [name]: value }))) <= MAX_VALUES_BYTES,
    );
    const left = Object.keys(values).length - kept.length;
    if (left > 0)
      this.log.warn({ step, left }, `step ${step}: ${left} values left out, above 60000 bytes of JSON`);
    return Object.fromEntries(kept);
  }

  private async writeMesh(mesh: MeshBlock): Promise<void> {
    const key = `${mesh.name}/${mesh.block}`;
    if (this.writtenMeshes.get(key) === mesh) return;
    await this.archive.writeMesh(mesh);
    this.writtenMeshes.set(key, mesh);
  }
}

function compareRecords(a: FieldRecord, b: FieldRecord): number {
  if (a.name !== b.name) return a.name < b.name ? -1 : 1;
  if (a.mesh !== b.mesh) return a.mesh < b.mesh ? -1 : 1;
  return a.block - b.block;
}

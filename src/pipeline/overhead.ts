import { stepOverhead } from '../archive/index.js';
import type { ArchiveWriter } from '../archive/types.js';

/** Bytes of a mesh block's entry in the run's file. */
const MESH_BYTES = 200;

/**
 * What the archive's files cost beside payloads. The archive's own estimate changes with every commit; this one is a function
 * of the step's order alone (its figures are those of the last step but one), so that budgets do not depend on timing.
 */
export class Overhead {
  /** Bytes of a new run's own file, without its meshes: its first step pays them. */
  private readonly once: number;
  private readonly measured: { order: number; factor: number }[] = [];

  constructor(private readonly archive: Pick<ArchiveWriter, 'overheadBytes' | 'runBytes' | 'lastStep'>) {
    this.once = archive.lastStep < 0 ? archive.runBytes : 0;
  }

  /** Share of each block of the step with this order. */
  share(fields: number, blocks: number, order: number): number {
    const factor = this.measured.findLast((entry) => entry.order <= order - 2)?.factor ?? 1;
    const once =
      order === 0 && this.once > 0 ? this.once + MESH_BYTES * Math.ceil(blocks / Math.max(1, fields)) : 0;
    return (factor * stepOverhead(fields, blocks) + once) / Math.max(1, blocks);
  }

  /** To be called right after the commit of a step of so many fields in so many blocks. */
  measure(fields: number, blocks: number, order: number): void {
    if (blocks === 0) return;
    const factor = this.archive.overheadBytes(fields, blocks) / stepOverhead(fields, blocks);
    this.measured.push({ order, factor });
    if (this.measured.length > 8) this.measured.shift();
  }
}

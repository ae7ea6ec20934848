import type { ArchiveWriter } from '../archive/types.js';

/**
 * What the archive's files cost beside payloads. Its own estimate changes with every commit; this one is a function of
 * the step's order alone (its figures are those of the last step but one), so that budgets do not depend on timing.
 */
export class Overhead {
  private readonly first: number;
  private readonly perBlock: number;
  private readonly measured: { order: number; factor: number }[] = [];

  constructor(private readonly archive: Pick<ArchiveWriter, 'overheadBytes'>) {
    this.perBlock = archive.overheadBytes(2) - archive.overheadBytes(1);
    this.first = archive.overheadBytes(1) - this.perBlock;
  }

  /** Share of each of the `blocks` of the step with this order. */
  share(blocks: number, order: number): number {
    const factor = this.measured.findLast((entry) => entry.order <= order - 2)?.factor ?? 1;
    return (factor * this.estimate(blocks)) / Math.max(1, blocks);
  }

  /** To be called right after the commit of a step with so many blocks. */
  measure(blocks: number, order: number): void {
    if (blocks === 0) return;
    this.measured.push({ order, factor: this.archive.overheadBytes(blocks) / this.estimate(blocks) });
    if (this.measured.length > 8) this.measured.shift();
  }

  private estimate(blocks: number): number {
    return Math.max(1, this.first + this.perBlock * blocks);
  }
}

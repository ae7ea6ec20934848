import { isBound, type Target } from './field.js';

/** The bound in field units that a target means for a block with this value range; undefined for other targets. */
export function boundOf(
  target: Target | null,
  range: { valueMin: number; valueMax: number },
): number | undefined {
  if (target === null || !isBound(target)) return undefined;
  // Two products: the range itself may be beyond the largest number.
  return 'abs' in target ? target.abs : target.rel * range.valueMax - target.rel * range.valueMin;
}

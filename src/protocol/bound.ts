import { isBound, type Target } from './field.js';
import type { Metrics } from './metrics.js';

/**
 * The bound in field units that a target means for a block with this value range; undefined for other targets, and for
 * point-wise ones, which mean another for every value.
 */
export function boundOf(
  target: Target | null,
  range: { valueMin: number; valueMax: number },
): number | undefined {
  if (target === null || !isBound(target) || 'pwRel' in target) return undefined;
  // Two products: the range itself may be beyond the largest number.
  return 'abs' in target ? target.abs : target.rel * range.valueMax - target.rel * range.valueMin;
}

/** A strict bound and the largest error, both in the measure that was asked for; undefined for other targets. */
export function boundReached(
  target: Target | null,
  metrics: Pick<Metrics, 'valueMin' | 'valueMax' | 'maxError' | 'maxRelativeError'>,
): { asked: number; reached: number } | undefined {
  if (target === null || !isBound(target)) return undefined;
  const { valueMin, valueMax, maxError, maxRelativeError = 0 } = metrics;
  if ('pwRel' in target) return { asked: target.pwRel, reached: maxRelativeError };
  if ('abs' in target) return { asked: target.abs, reached: maxError };
  return { asked: target.rel, reached: maxError === 0 ? 0 : maxError / (valueMax - valueMin) };
}

import { GaussituError } from '../errors.js';
import type { InputField } from './types.js';

/** The elements that a Python slice `start:stop:step` (or one index) takes. Throws INVALID_ARGUMENT. */
export function selectSteps<T>(steps: readonly T[], slice: string | undefined): T[] {
  if (slice === undefined) return [...steps];
  const match = /^\s*(-?\d+)?\s*(?:(:)\s*(-?\d+)?\s*(?::\s*(\d+)?\s*)?)?$/.exec(slice);
  const stride = match?.[4] === undefined ? 1 : Number(match[4]);
  if (!match || stride < 1 || (match[1] === undefined && match[2] === undefined)) {
    throw new GaussituError('INVALID_ARGUMENT', '--steps', {
      expected: 'start:stop or start:stop:stride as in Python (stop is not included), or one index',
      received: slice,
    });
  }
  const at = (text: string | undefined, otherwise: number) => {
    if (text === undefined) return otherwise;
    const n = Number(text);
    return Math.min(Math.max(n < 0 ? n + steps.length : n, 0), steps.length);
  };
  const single = match[2] === undefined;
  const start = at(match[1], 0);
  const stop = single ? start + 1 : at(match[3], steps.length);
  const chosen = steps.filter((_, i) => i >= start && i < stop && (i - start) % stride === 0);
  if (chosen.length === 0) {
    throw new GaussituError('INVALID_ARGUMENT', '--steps', {
      expected: `some of the ${steps.length} steps that are there`,
      received: slice,
    });
  }
  return chosen;
}

/** The fields with these names, in the input's order. Throws NOT_FOUND that lists what there is. */
export function selectFields(fields: InputField[], names: readonly string[] | undefined): InputField[] {
  if (names === undefined) return fields;
  for (const name of names) {
    if (!fields.some((f) => f.name === name)) {
      throw new GaussituError('NOT_FOUND', `field ${name}`, {
        expected: `one of ${fields.map((f) => f.name).join(', ')}`,
        received: name,
      });
    }
  }
  return fields.filter((f) => names.includes(f.name));
}

import { GaussituError } from '../errors.js';
import type { Triple } from '../protocol/mesh.js';

/** World coordinates, ends included. */
export interface Box {
  lo: Triple;
  hi: Triple;
}

/** Indices of a grid's values, ghost layers left out: from `first` to before `last`. */
export interface Slice {
  first: Triple;
  last: Triple;
}

/** x0:x1,y0:y1,z0:z1; an end that is left out is as far as the field goes. Throws INVALID_ARGUMENT. */
export function parseBox(text: string): Box {
  const ends = parseRanges('--box', text, 'world coordinates like 0:0.5,:,2:3', Number.isFinite);
  return {
    lo: ends.map(([a]) => a ?? -Infinity) as unknown as Triple,
    hi: ends.map(([, b]) => b ?? Infinity) as unknown as Triple,
  };
}

/** i0:i1,j0:j1,k0:k1, x first, as numpy has it: the last index is not in it. Throws INVALID_ARGUMENT. */
export function parseSlice(text: string): Slice {
  const ends = parseRanges('--slice', text, 'indices like 0:64,:,10:11', isIndex);
  return {
    first: ends.map(([a]) => a ?? 0) as unknown as Triple,
    last: ends.map(([, b]) => b ?? Infinity) as unknown as Triple,
  };
}

const isIndex = (n: number) => Number.isInteger(n) && n >= 0;

function parseRanges(
  option: string,
  text: string,
  expected: string,
  good: (n: number) => boolean,
): (number | undefined)[][] {
  const ranges = text
    .split(',')
    .map((range) => range.split(':').map((end) => (end.trim() === '' ? undefined : Number(end))));
  const fine = ranges.every(
    (range) =>
      range.length === 2 &&
      range.every((end) => end === undefined || good(end)) &&
      (range[0] ?? -Infinity) <= (range[1] ?? Infinity),
  );
  if (ranges.length === 3 && fine) return ranges;
  throw new GaussituError('INVALID_ARGUMENT', option, {
    expected: `three ranges of ${expected}`,
    received: text,
  });
}

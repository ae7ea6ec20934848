import { GaussituError } from '../errors.js';

/** The value of --lod. Throws INVALID_ARGUMENT. */
export function modelPart(text: string): number {
  const part = Number(text);
  if (part > 0 && part <= 1) return part;
  throw new GaussituError('INVALID_ARGUMENT', '--lod', {
    expected: 'a part of the Gaussians above 0 and up to 1, e.g. 0.25',
    received: text,
  });
}

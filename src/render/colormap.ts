import { rgb } from 'd3-color';
import {
  interpolateCividis,
  interpolateGreys,
  interpolateInferno,
  interpolateMagma,
  interpolatePlasma,
  interpolateRdBu,
  interpolateSpectral,
  interpolateTurbo,
  interpolateViridis,
} from 'd3-scale-chromatic';
import { GaussituError } from '../errors.js';

const INTERPOLATORS: Record<string, (t: number) => string> = {
  viridis: interpolateViridis,
  cividis: interpolateCividis,
  inferno: interpolateInferno,
  magma: interpolateMagma,
  plasma: interpolatePlasma,
  turbo: interpolateTurbo,
  greys: interpolateGreys,
  spectral: (t) => interpolateSpectral(1 - t),
  // Blue for negative, red for positive.
  coolwarm: (t) => interpolateRdBu(1 - t),
};

export const COLORMAPS = Object.keys(INTERPOLATORS);

/** Maps values in [lo, hi] to colours; 256 steps. */
export interface Colormap {
  lo: number;
  hi: number;
  /** [256, 3] red, green, blue */
  table: Uint8Array;
}

/** Throws INVALID_ARGUMENT for a name that is not in COLORMAPS. */
export function colormap(name: string, [lo, hi]: readonly [number, number]): Colormap {
  const interpolate = INTERPOLATORS[name];
  if (!interpolate) {
    throw new GaussituError('INVALID_ARGUMENT', '--colormap', {
      expected: `one of ${COLORMAPS.join(', ')}`,
      received: name,
    });
  }
  const table = new Uint8Array(256 * 3);
  for (let i = 0; i < 256; i++) {
    const { r, g, b } = rgb(interpolate(i / 255));
    table.set([r, g, b], i * 3);
  }
  return { lo, hi, table };
}

/** Row of the table for a finite value; values beyond the range take the colour of its end. */
export function shade(map: Colormap, value: number): number {
  if (!(map.hi > map.lo)) return 128 * 3;
  const t = (value - map.lo) / (map.hi - map.lo);
  return Math.round(Math.min(1, Math.max(0, t)) * 255) * 3;
}

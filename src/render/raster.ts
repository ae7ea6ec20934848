import sharp from 'sharp';
import { shade, type Colormap } from './colormap.js';
import type { Slice } from './grid.js';

/** An RGBA picture, rows from top to bottom. */
export interface Raster {
  width: number;
  height: number;
  /** [height, width, 4] */
  data: Uint8Array;
}

/**
 * Draws a slice `width` x `height` pixels, u to the right and v up. Values are interpolated linearly before they are
 * coloured, so that no colour appears that has no value; where a neighbour is missing the nearest value is taken, and
 * non-finite places stay transparent.
 */
export function drawSlice(slice: Slice, map: Colormap, width: number, height: number): Raster {
  const data = new Uint8Array(width * height * 4);
  const { u, v, values } = slice;
  for (let row = 0; row < height; row++) {
    const y = ((height - row - 0.5) / height) * (v.count - 1);
    for (let column = 0; column < width; column++) {
      const x = ((column + 0.5) / width) * (u.count - 1);
      const value = interpolate(values, u.count, v.count, x, y);
      if (!Number.isFinite(value)) continue;
      const colour = shade(map, value);
      data.set(map.table.subarray(colour, colour + 3), (row * width + column) * 4);
      data[(row * width + column) * 4 + 3] = 255;
    }
  }
  return { width, height, data };
}

function interpolate(values: Float64Array, nu: number, nv: number, x: number, y: number): number {
  const i = Math.min(Math.floor(x), Math.max(nu - 2, 0));
  const j = Math.min(Math.floor(y), Math.max(nv - 2, 0));
  const fx = nu > 1 ? x - i : 0;
  const fy = nv > 1 ? y - j : 0;
  const at = (di: number, dj: number) => values[Math.min(j + dj, nv - 1) * nu + Math.min(i + di, nu - 1)]!;
  const low = at(0, 0) * (1 - fx) + at(1, 0) * fx;
  const high = at(0, 1) * (1 - fx) + at(1, 1) * fx;
  const value = low * (1 - fy) + high * fy;
  return Number.isFinite(value) ? value : at(Math.round(fx), Math.round(fy));
}

/** A vertical bar of all colours, largest value at the top. */
export function drawBar(map: Colormap, width: number, height: number): Raster {
  const data = new Uint8Array(width * height * 4);
  for (let row = 0; row < height; row++) {
    const colour = Math.round(((height - row - 0.5) / height) * 255) * 3;
    for (let column = 0; column < width; column++) {
      data.set(map.table.subarray(colour, colour + 3), (row * width + column) * 4);
      data[(row * width + column) * 4 + 3] = 255;
    }
  }
  return { width, height, data };
}

/** A raster as a data URI, to be placed in an SVG. */
export async function dataUri({ width, height, data }: Raster): Promise<string> {
  const png = await sharp(data, { raw: { width, height, channels: 4 } })
    .png()
    .toBuffer();
  return `data:image/png;base64,${png.toString('base64')}`;
}

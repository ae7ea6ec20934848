import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { createCamera } from '../../src/render/camera.js';
import { COLORMAPS, colormap } from '../../src/render/colormap.js';
import { drawFigure } from '../../src/render/figure.js';
import { sliceGrid, type Grid } from '../../src/render/grid.js';
import { drawSlice, type Raster } from '../../src/render/raster.js';
import { ticks } from '../../src/render/svg.js';
import { drawVolume } from '../../src/render/volume.js';

/** 1 in a ball around the middle of [-1, 1]^3, 0 outside, NaN beyond `outside` from the middle. */
function ball(n: number, radius: number, outside = Infinity): Grid {
  const spacing = 2 / (n - 1);
  const values = Float32Array.from({ length: n ** 3 }, (_, at) => {
    const place = [at % n, Math.floor(at / n) % n, Math.floor(at / n ** 2)].map((i) => -1 + i * spacing);
    const distance = Math.hypot(...place);
    return distance > outside ? Number.NaN : 1 / (1 + Math.exp((distance - radius) * 20));
  });
  return { dims: [n, n, n], origin: [-1, -1, -1], spacing: [spacing, spacing, spacing], values };
}

const pixel = ({ width, data }: Raster, x: number, y: number) => [
  ...data.subarray(4 * (y * width + x), 4 * (y * width + x) + 4),
];

describe('pictures', () => {
  it('draws u to the right, v up, in the colours of the map', () => {
    const map = colormap('greys', [0, 3]);
    const grid: Grid = {
      dims: [2, 2, 1],
      origin: [0, 0, 0],
      spacing: [1, 1, 1],
      values: Float64Array.of(0, 1, 2, 3),
    };
    const raster = drawSlice(sliceGrid(grid, { axis: 2, value: 0, unit: 'index' }), map, 100, 100);
    const at = (x: number, y: number) => pixel(raster, x, y)[0]!;
    // Greys go from white to black.
    expect(at(0, 99)).toBeGreaterThan(at(99, 99));
    expect(at(99, 99)).toBeGreaterThan(at(0, 0));
    expect(at(0, 0)).toBeGreaterThan(at(99, 0));
    expect(Math.abs(at(50, 50) - map.table[128 * 3]!)).toBeLessThan(4);
  });

  it('leaves places outside the domain transparent', () => {
    const raster = drawSlice(
      sliceGrid(ball(21, 0.3, 0.7), { axis: 2, value: 10, unit: 'index' }),
      colormap('viridis', [0, 1]),
      60,
      60,
    );
    expect(pixel(raster, 0, 0)[3]).toBe(0);
    expect(pixel(raster, 30, 30)[3]).toBe(255);
  });

  it('sees the rare ball and looks through the common background', () => {
    const camera = createCamera([-1, -1, -1], [1, 1, 1], 120, 120);
    const raster = drawVolume(ball(33, 0.4), colormap('viridis', [0, 1]), camera);
    const [r, g, , a] = pixel(raster, 60, 60) as [number, number, number, number];
    expect(a).toBeGreaterThan(200);
    // The background's colour is purple, the surface of the ball is seen in a green.
    expect(g).toBeGreaterThan(r);
    expect(pixel(raster, 5, 5)[3]).toBe(0);
    expect(pixel(raster, 15, 60)[3]).toBeLessThan(20);
  });

  it('survives constant, empty and flat fields', () => {
    const camera = createCamera([-1, -1, 0], [1, 1, 0], 40, 40);
    for (const value of [0, 5, Number.NaN]) {
      const grid: Grid = {
        dims: [4, 4, 1],
        origin: [-1, -1, 0],
        spacing: [2 / 3, 2 / 3, 1],
        values: new Float32Array(16).fill(value),
      };
      const raster = drawVolume(grid, colormap('viridis', [value || 0, value || 0]), camera);
      expect(raster.data).toHaveLength(40 * 40 * 4);
    }
  });

  it('is a PNG of the width asked for, with text and pictures on white', async () => {
    const grid = ball(17, 0.4);
    const map = colormap('viridis', [0, 1]);
    const slice = sliceGrid(grid, { axis: 2, value: 50, unit: 'percent' });
    const figure = (title: string) =>
      drawFigure({
        title,
        subtitle: 'ratio 100:1 & PSNR < 42 dB',
        panels: [
          { kind: 'slice', title: 'decoded', slice, map, label: 'u [m/s]' },
          { kind: 'volume', title: 'volume', grid, map, label: 'u [m/s]' },
        ],
        width: 700,
      });
    const png = await figure('u <at> step 1');
    const { data, info } = await sharp(png).removeAlpha().raw().toBuffer({ resolveWithObject: true });
    expect(info.width).toBe(700);
    expect([...data.subarray(0, 3)]).toEqual([255, 255, 255]);
    let dark = 0;
    for (let y = 0; y < 30; y++) for (let x = 0; x < 350; x++) if (data[3 * (y * 700 + x)]! < 100) dark++;
    expect(dark).toBeGreaterThan(100);
    // Same input, same bytes; another title, another picture.
    expect((await figure('u <at> step 1')).equals(png)).toBe(true);
    expect((await figure('v')).equals(png)).toBe(false);
  });

  it('names the colour maps it has when asked for another', () => {
    expect(() => colormap('jet', [0, 1])).toThrow(/viridis.*received jet/);
    for (const name of COLORMAPS) expect(colormap(name, [0, 1]).table).toHaveLength(768);
  });

  it('labels axes with round numbers at any magnitude', () => {
    expect(ticks(0, 1, 100, 5).map((tick) => tick.label)).toEqual(['0', '0.2', '0.4', '0.6', '0.8', '1.0']);
    expect(ticks(44, 1.04e8, 100, 3).map((tick) => tick.label)[0]).toMatch(/e\+7$/);
    expect(ticks(5, 5, 100, 3)).toEqual([{ at: 50, label: '5' }]);
  });
});

import { shade, type Colormap } from './colormap.js';
import type { Camera } from './camera.js';
import type { Grid } from './grid.js';
import type { Raster } from './raster.js';

/** Light from behind the viewer's left shoulder, and what a face turned away still gets. */
const LIGHT = [-0.45, 0.35, 0.82] as const;
const AMBIENT = 0.45;
/** Optical depth of fully opaque matter over the length of the box's diagonal. */
const DENSITY = 120;
/** Fraction of the volume that is not transparent. */
const SHOWN = 0.3;

/**
 * Direct volume rendering with emission and absorption (Max 1995): rays are marched front to back at half the grid
 * spacing, each sample coloured by value, shaded by the gradient and made opaque by how rare its value is, so that the
 * background of a field, whatever its value, is seen through.
 */
export function drawVolume(grid: Grid, map: Colormap, camera: Camera): Raster {
  const { width, height } = camera;
  const data = new Uint8Array(width * height * 4);
  const opacity = opacityByRarity(grid, map);
  const light = lightVolume(grid, camera);
  const { dims, origin, spacing, values } = grid;
  const [nx, ny, nz] = dims;
  const strides = [nx > 1 ? 1 : 0, ny > 1 ? nx : 0, nz > 1 ? nx * ny : 0] as const;
  const diagonal = Math.hypot(...dims.map((n, a) => (n - 1) * spacing[a]!));
  const step = 0.5 * Math.min(...spacing.filter((_, a) => dims[a]! > 1));
  const depth = (DENSITY * step) / diagonal;
  // Direction and step in index coordinates.
  const d = camera.forward.map((c, a) => (c * step) / spacing[a]!);

  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const start = camera.ray(column + 0.5, row + 0.5);
      const o = start.map((c, a) => (c - origin[a]!) / spacing[a]!);
      let [near, far] = [-Infinity, Infinity];
      for (let a = 0; a < 3; a++) {
        if (Math.abs(d[a]!) < 1e-12) {
          if (o[a]! < 0 || o[a]! > dims[a]! - 1) far = -Infinity;
          continue;
        }
        const t0 = -o[a]! / d[a]!;
        const t1 = (dims[a]! - 1 - o[a]!) / d[a]!;
        near = Math.max(near, Math.min(t0, t1));
        far = Math.min(far, Math.max(t0, t1));
      }
      let [r, g, b, through] = [0, 0, 0, 1];
      for (let t = Math.ceil(near); t <= far && through > 0.01; t++) {
        const x = o[0]! + t * d[0]!;
        const y = o[1]! + t * d[1]!;
        const z = o[2]! + t * d[2]!;
        const i = Math.max(0, Math.min(x | 0, nx - 2));
        const j = Math.max(0, Math.min(y | 0, ny - 2));
        const k = Math.max(0, Math.min(z | 0, nz - 2));
        const at = i + nx * (j + ny * k);
        const value = trilinear(values, at, strides, x - i, y - j, z - k);
        if (!Number.isFinite(value)) continue;
        const colour = shade(map, value);
        const dense = opacity[colour / 3]!;
        if (dense === 0) continue;
        const bright = trilinear(light, at, strides, x - i, y - j, z - k);
        const alpha = through * (1 - Math.exp(-dense * depth));
        r += alpha * bright * map.table[colour]!;
        g += alpha * bright * map.table[colour + 1]!;
        b += alpha * bright * map.table[colour + 2]!;
        through -= alpha;
      }
      const alpha = 1 - through;
      if (alpha <= 0) continue;
      const out = (row * width + column) * 4;
      data[out] = Math.min(255, r / alpha);
      data[out + 1] = Math.min(255, g / alpha);
      data[out + 2] = Math.min(255, b / alpha);
      data[out + 3] = Math.round(alpha * 255);
    }
  }
  return { width, height, data };
}

function trilinear(
  values: ArrayLike<number>,
  at: number,
  [sx, sy, sz]: readonly [number, number, number],
  fx: number,
  fy: number,
  fz: number,
): number {
  const z0 =
    (values[at]! * (1 - fx) + values[at + sx]! * fx) * (1 - fy) +
    (values[at + sy]! * (1 - fx) + values[at + sy + sx]! * fx) * fy;
  const up = at + sz;
  const z1 =
    (values[up]! * (1 - fx) + values[up + sx]! * fx) * (1 - fy) +
    (values[up + sy]! * (1 - fx) + values[up + sy + sx]! * fx) * fy;
  return z0 * (1 - fz) + z1 * fz;
}

/**
 * Opacity [256] over the colour map, from the field's histogram smoothed a little: values are ordered by how common they
 * are; the rarest are opaque, and those beyond the rarest `SHOWN` of the volume transparent. Values next to the commonest
 * are drawn thinner, or the fringe of a structure would hide what is in it.
 */
export function opacityByRarity(grid: Grid, map: Colormap): Float64Array {
  const counts = new Float64Array(256);
  for (const value of grid.values) if (Number.isFinite(value)) counts[shade(map, value) / 3]!++;
  const smooth = counts.map((_, i) => {
    let sum = 0;
    for (let o = -6; o <= 6; o++) sum += (counts[Math.min(255, Math.max(0, i + o))] ?? 0) * (7 - Math.abs(o));
    return sum;
  });
  const total = smooth.reduce((sum, c) => sum + c, 0);
  const byRarity = [...smooth.keys()].sort((a, b) => smooth[a]! - smooth[b]!);
  const common = byRarity.at(-1)!;
  const opacity = new Float64Array(256);
  let below = 0;
  for (const bin of byRarity) {
    const rarity = Math.max(0, 1 - below / (SHOWN * total));
    const distance = Math.abs(bin - common) / Math.max(common, 255 - common);
    opacity[bin] = rarity ** 1.5 * distance ** 1.5;
    below += smooth[bin]!;
  }
  return opacity;
}

/** Brightness at the nodes: diffuse light on the level surface through each; both sides are lit. */
function lightVolume({ dims, spacing, values }: Grid, camera: Camera): Float32Array {
  const [nx, ny, nz] = dims;
  const out = new Float32Array(values.length).fill(1);
  const direction = [0, 1, 2].map(
    (a) => LIGHT[0] * camera.right[a]! + LIGHT[1] * camera.up[a]! - LIGHT[2] * camera.forward[a]!,
  );
  const length = Math.hypot(...direction);
  const difference = (at: number, i: number, n: number, stride: number, h: number) => {
    if (n < 2) return 0;
    const lo = i > 0 ? -stride : 0;
    const hi = i < n - 1 ? stride : 0;
    return (values[at + hi]! - values[at + lo]!) / (h * ((hi - lo) / stride));
  };
  for (let k = 0, at = 0; k < nz; k++) {
    for (let j = 0; j < ny; j++) {
      for (let i = 0; i < nx; i++, at++) {
        const gx = difference(at, i, nx, 1, spacing[0]);
        const gy = difference(at, j, ny, nx, spacing[1]);
        const gz = difference(at, k, nz, nx * ny, spacing[2]);
        const norm = Math.hypot(gx, gy, gz) * length;
        const cosine = norm > 0 ? (gx * direction[0]! + gy * direction[1]! + gz * direction[2]!) / norm : 1;
        if (Number.isFinite(cosine)) out[at] = AMBIENT + (1.1 - AMBIENT) * Math.abs(cosine);
      }
    }
  }
  return out;
}

import type { Triple } from '../protocol/mesh.js';

/** An orthographic view of a box, z up, scaled so that the box fits the picture. */
export interface Camera {
  width: number;
  height: number;
  right: Triple;
  up: Triple;
  /** From the viewer into the picture. */
  forward: Triple;
  /** World point that a pixel looks from, in the plane through the box's centre. */
  ray(column: number, row: number): [number, number, number];
  /** Pixel at which a world point is seen, and its depth along `forward`. */
  project(point: Triple): [column: number, row: number, depth: number];
}

export interface CameraView {
  /** Degrees around z, 0 looking along +y. */
  azimuth: number;
  /** Degrees above the xy plane. */
  elevation: number;
}
export const DEFAULT_VIEW: CameraView = { azimuth: -32, elevation: 24 };

export function createCamera(
  lo: Triple,
  hi: Triple,
  width: number,
  height: number,
  view: CameraView = DEFAULT_VIEW,
): Camera {
  const a = (view.azimuth * Math.PI) / 180;
  const e = (view.elevation * Math.PI) / 180;
  const right: Triple = [Math.cos(a), Math.sin(a), 0];
  const forward: Triple = [-Math.sin(a) * Math.cos(e), Math.cos(a) * Math.cos(e), -Math.sin(e)];
  const up: Triple = [-Math.sin(a) * Math.sin(e), Math.cos(a) * Math.sin(e), Math.cos(e)];
  const centre = [0, 1, 2].map((i) => (lo[i]! + hi[i]!) / 2) as unknown as Triple;
  const half = [0, 1, 2].map((i) => (hi[i]! - lo[i]!) / 2) as unknown as Triple;
  const reach = (axis: Triple) =>
    Math.abs(axis[0]) * half[0] + Math.abs(axis[1]) * half[1] + Math.abs(axis[2]) * half[2];
  const scale = Math.min(width / (2 * reach(right) || 1), height / (2 * reach(up) || 1));
  return {
    width,
    height,
    right,
    up,
    forward,
    ray(column, row) {
      const u = (column - width / 2) / scale;
      const v = (height / 2 - row) / scale;
      return [0, 1, 2].map((i) => centre[i]! + u * right[i]! + v * up[i]!) as [number, number, number];
    },
    project(point) {
      const p = [0, 1, 2].map((i) => point[i]! - centre[i]!) as unknown as Triple;
      const dot = (axis: Triple) => axis[0] * p[0] + axis[1] * p[1] + axis[2] * p[2];
      return [width / 2 + dot(right) * scale, height / 2 - dot(up) * scale, dot(forward)];
    },
  };
}

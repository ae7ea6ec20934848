import type { Triple } from '../protocol/mesh.js';
import { createCamera, type Camera } from './camera.js';
import { AXES } from './grid.js';
import { dataUri } from './raster.js';
import { colourBar } from './slice_panel.js';
import { image, line, number, text, type Style, type VolumePanel } from './svg.js';
import { drawVolume } from './volume.js';

const AXIS_COLOURS = ['#c0392b', '#1e8449', '#2457a8'] as const;

/** The volume view in its box: edges behind the matter, the picture, edges before it, axes and colour bar. */
export async function boxPanel(
  panel: VolumePanel,
  cell: number,
  height: number,
  style: Style,
): Promise<string> {
  const { grid, map } = panel;
  const { font, small } = style;
  const top = Math.round(font * 1.7);
  const side = Math.round(small * 3);
  const width = cell - 2 * side - Math.round(small * 5);
  const tall = height - top - Math.round(small * 2.4);
  const lo = grid.origin;
  const hi = [0, 1, 2].map((a) => lo[a]! + (grid.dims[a]! - 1) * grid.spacing[a]!) as unknown as Triple;
  const camera = createCamera(lo, hi, width, tall);
  const edges = boxEdges(lo, hi, camera);
  const draw = (front: boolean) =>
    edges
      .filter((edge) => edge.front === front)
      .map(({ from, to }) => line(from[0], from[1], to[0], to[1], front ? '#555' : '#aaa'))
      .join('');
  const picture = image(0, 0, width, tall, await dataUri(drawVolume(grid, map, camera)));
  const bar = Math.round(tall * 0.72);
  return [
    text(side, top - font * 0.55, panel.title, { size: font, weight: 'bold' }),
    `<g transform="translate(${side},${top})">${draw(false)}${picture}${draw(true)}${axes(lo, hi, camera, style)}</g>`,
    await colourBar(
      cell - Math.round(small * 7),
      top + Math.round((tall - bar) / 2),
      bar,
      map,
      panel.label,
      style,
    ),
  ].join('');
}

interface Edge {
  axis: 0 | 1 | 2;
  from: [number, number, number];
  to: [number, number, number];
  front: boolean;
}

/** The twelve edges; those that meet the corner farthest from the viewer are behind the matter. */
function boxEdges(lo: Triple, hi: Triple, camera: Camera): Edge[] {
  const corner = (bits: number) =>
    camera.project([0, 1, 2].map((a) => ((bits >> a) & 1 ? hi : lo)[a]!) as unknown as Triple);
  const corners = Array.from({ length: 8 }, (_, bits) => corner(bits));
  const farthest = corners.indexOf(corners.reduce((a, b) => (b[2] > a[2] ? b : a)));
  return corners.flatMap((from, bits) =>
    ([0, 1, 2] as const)
      .filter((axis) => !((bits >> axis) & 1))
      .map((axis) => {
        const other = bits | (1 << axis);
        return { axis, from, to: corners[other]!, front: bits !== farthest && other !== farthest };
      }),
  );
}

/** Name and range of each axis beside the outline edge that lies lowest (x, y) or leftmost (z) in the picture. */
function axes(lo: Triple, hi: Triple, camera: Camera, { small }: Style): string {
  const centre = camera.project([0, 1, 2].map((a) => (lo[a]! + hi[a]!) / 2) as unknown as Triple);
  return ([0, 1, 2] as const)
    .map((axis) => {
      const candidates = boxEdges(lo, hi, camera).filter((edge) => edge.axis === axis);
      const score = (edge: Edge) => (axis === 2 ? -(edge.from[0] + edge.to[0]) : edge.from[1] + edge.to[1]);
      const { from, to } = candidates.reduce((a, b) => (score(b) > score(a) ? b : a));
      const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
      const length = Math.hypot(dx, dy) || 1;
      let normal = [-dy / length, dx / length] as const;
      const middle = [(from[0] + to[0]) / 2, (from[1] + to[1]) / 2] as const;
      if (normal[0] * (middle[0] - centre[0]) + normal[1] * (middle[1] - centre[1]) < 0) {
        normal = [-normal[0], -normal[1]];
      }
      const place = (t: number, away: number, label: string, anchor: 'middle' | 'end' = 'middle') =>
        text(from[0] + t * dx + normal[0] * away, from[1] + t * dy + normal[1] * away + small * 0.35, label, {
          size: small,
          anchor,
          fill: AXIS_COLOURS[axis],
          ...(label === AXES[axis] && { weight: 'bold' }),
        });
      const anchor = axis === 2 ? 'end' : 'middle';
      return (
        line(from[0], from[1], to[0], to[1], AXIS_COLOURS[axis], small * 0.14) +
        place(0.5, small * 1.1, AXES[axis], anchor) +
        place(0.1, small * 1.1, number(lo[axis]), anchor) +
        place(0.9, small * 1.1, number(hi[axis]), anchor)
      );
    })
    .join('');
}

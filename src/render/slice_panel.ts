import { drawBar, drawSlice, dataUri } from './raster.js';
import { frame, image, line, text, ticks, type SlicePanel, type Style } from './svg.js';
import type { Colormap } from './colormap.js';
import type { Slice, SliceAxis } from './grid.js';

/** Very long or tall slices are not drawn to scale beyond these height-to-width ratios. */
const FLATTEST = 0.22;
const TALLEST = 1.15;

interface Layout {
  left: number;
  top: number;
  bottom: number;
  right: number;
  width: number;
  height: number;
}

const end = (axis: SliceAxis) => axis.origin + (axis.count - 1) * axis.spacing;
/** World units; a single layer of nodes counts as one spacing. */
const length = (axis: SliceAxis) => Math.max(axis.count - 1, 1) * axis.spacing;

function layout(slice: Slice, cell: number, { font, small }: Style): Layout {
  const left = Math.round(small * 4);
  const right = Math.round(small * 8);
  const top = Math.round(font * 1.7);
  const bottom = Math.round(small * 3.4);
  const width = cell - left - right;
  const aspect = Math.min(TALLEST, Math.max(FLATTEST, length(slice.v) / length(slice.u)));
  return { left, right, top, bottom, width, height: Math.round(width * aspect) };
}

/** A slice with its axes and colour bar. */
export const slicePanel = {
  height(panel: SlicePanel, cell: number, style: Style): number {
    const { top, bottom, height } = layout(panel.slice, cell, style);
    return top + height + bottom;
  },

  async draw(panel: SlicePanel, cell: number, style: Style): Promise<string> {
    const { slice, map } = panel;
    const { left, top, width, height } = layout(slice, cell, style);
    const { small } = style;
    const tick = small * 0.4;
    const parts = [
      text(left, top - style.font * 0.55, panel.title, { size: style.font, weight: 'bold' }),
      image(left, top, width, height, await dataUri(drawSlice(slice, map, width, height))),
      frame(left, top, width, height),
    ];
    for (const { at, label } of ticks(slice.u.origin, end(slice.u), width, 5)) {
      parts.push(line(left + at, top + height, left + at, top + height + tick));
      parts.push(text(left + at, top + height + small * 1.4, label, { size: small, anchor: 'middle' }));
    }
    for (const { at, label } of ticks(slice.v.origin, end(slice.v), height, height > width / 2 ? 5 : 3)) {
      const y = top + height - at;
      parts.push(line(left - tick, y, left, y));
      parts.push(text(left - tick * 1.6, y + small * 0.35, label, { size: small, anchor: 'end' }));
    }
    parts.push(
      text(left + width / 2, top + height + small * 2.7, slice.u.name, { size: small, anchor: 'middle' }),
    );
    parts.push(
      text(small * 0.9, top + height / 2, slice.v.name, { size: small, anchor: 'middle', rotate: -90 }),
    );
    parts.push(await colourBar(left + width + small, top, height, map, panel.label, style));
    return parts.join('');
  },
};

/** A labelled colour bar; takes about eight small characters of width. */
export async function colourBar(
  x: number,
  y: number,
  height: number,
  map: Colormap,
  label: string,
  { small }: Style,
): Promise<string> {
  const width = Math.round(small * 1.1);
  x = Math.round(x);
  const parts = [
    image(x, y, width, height, await dataUri(drawBar(map, width, height))),
    frame(x, y, width, height),
  ];
  const marks = ticks(map.lo, map.hi, height, height > small * 12 ? 5 : 3);
  for (const { at, label: value } of marks) {
    const level = y + height - at;
    parts.push(line(x + width, level, x + width + small * 0.35, level));
    parts.push(text(x + width + small * 0.55, level + small * 0.35, value, { size: small }));
  }
  const longest = Math.max(...marks.map((mark) => mark.label.length));
  parts.push(
    text(x + width + small * (1.7 + 0.62 * longest), y + height / 2, label, {
      size: small,
      anchor: 'middle',
      rotate: -90,
    }),
  );
  return parts.join('');
}

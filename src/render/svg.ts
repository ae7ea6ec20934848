import { scaleLinear } from 'd3-scale';
import type { Colormap } from './colormap.js';
import type { Grid, Slice } from './grid.js';

/** Font sizes in pixels. */
export interface Style {
  font: number;
  small: number;
}

export interface SlicePanel {
  kind: 'slice';
  title: string;
  slice: Slice;
  map: Colormap;
  /** What the colour bar shows, with units. */
  label: string;
}
export interface VolumePanel {
  kind: 'volume';
  title: string;
  grid: Grid;
  map: Colormap;
  label: string;
}
export type Panel = SlicePanel | VolumePanel;

export interface TextStyle {
  size: number;
  weight?: 'bold';
  fill?: string;
  anchor?: 'start' | 'middle' | 'end';
  /** Degrees, about the text's place. */
  rotate?: number;
}

const round = (value: number) => Math.round(value * 100) / 100;

export function text(x: number, y: number, content: string, style: TextStyle): string {
  const escaped = content.replace(/[&<>]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[c]!);
  const turn = style.rotate ? ` transform="rotate(${style.rotate} ${round(x)} ${round(y)})"` : '';
  return (
    `<text x="${round(x)}" y="${round(y)}" font-size="${round(style.size)}" fill="${style.fill ?? '#111'}"` +
    ` text-anchor="${style.anchor ?? 'start'}" font-weight="${style.weight ?? 'normal'}"${turn}>${escaped}</text>`
  );
}

export function line(x1: number, y1: number, x2: number, y2: number, colour = '#333', width = 1): string {
  return (
    `<line x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}"` +
    ` stroke="${colour}" stroke-width="${round(width)}" stroke-linecap="round"/>`
  );
}

export function frame(x: number, y: number, width: number, height: number): string {
  return `<rect x="${x}" y="${y}" width="${width}" height="${height}" fill="none" stroke="#333" stroke-width="1"/>`;
}

export function image(x: number, y: number, width: number, height: number, uri: string): string {
  return `<image x="${x}" y="${y}" width="${width}" height="${height}" href="${uri}"/>`;
}

export interface Tick {
  /** Pixels from the start of the axis. */
  at: number;
  label: string;
}

/** Round values between lo and hi and where they lie on an axis of `length` pixels. */
export function ticks(lo: number, hi: number, length: number, count: number): Tick[] {
  if (!(hi > lo)) return [{ at: length / 2, label: number(lo) }];
  const scale = scaleLinear([lo, hi], [0, length]);
  const largest = Math.max(Math.abs(lo), Math.abs(hi));
  const format = largest >= 1e5 || largest < 1e-3 ? scale.tickFormat(count, '.1e') : scale.tickFormat(count);
  return scale
    .ticks(count)
    .map((value) => ({ at: scale(value), label: value === 0 ? '0' : format(value).replace('−', '-') }));
}

/** A number as a title shows it: four significant digits, no trailing zeros. */
export function number(value: number): string {
  return String(Number(value.toPrecision(4)));
}

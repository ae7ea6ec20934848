import { mergeCertificates, type FieldEntry, type StepEntry } from '../archive/index.js';
import type { Codec } from '../codec/types.js';
import { colormap } from './colormap.js';
import { drawFigure } from './figure.js';
import { AXES, finiteRange, type SliceRequest } from './grid.js';
import { number, type Panel } from './svg.js';
import { createView, type BlockValues, type DecodedBlock } from './view.js';

export { COLORMAPS } from './colormap.js';
export { parseSlice, type SliceRequest } from './grid.js';
export { loadBlocks, loadOriginals } from './load.js';
export type { BlockValues, DecodedBlock } from './view.js';

export interface RenderRequest {
  codec: Codec;
  step: StepEntry;
  /** All blocks of the field at this step. */
  blocks: DecodedBlock[];
  /** The same blocks as the simulation had them. */
  originals?: BlockValues[];
  slice?: SliceRequest;
  colormap: string;
  /** The blocks are coarser models, of this part of the Gaussians that are stored. */
  part?: number;
  /** Width of the picture, pixels. */
  width: number;
}

/**
 * A figure of one field at one step as PNG: the slice decoded and the model as a volume; with the originals also the
 * slice as it was and the error. Colours span the range of the whole field, the error's that of the slice.
 */
export async function renderField(request: RenderRequest): Promise<Buffer> {
  const { step, blocks, originals } = request;
  const view = createView(request.codec, blocks, originals);
  const slices = await view.slices(request.slice);
  const grid = await view.volume();
  const entries = blocks.map((block) => block.entry);
  const { name, units } = entries[0]!;
  const certificates = entries.map((entry) => entry.certificate).filter((c) => c.values > c.nonFinite);
  const range: [number, number] =
    certificates.length > 0
      ? [Math.min(...certificates.map((c) => c.valueMin)), Math.max(...certificates.map((c) => c.valueMax))]
      : finiteRange(slices.decoded.values);
  const map = colormap(request.colormap, range);
  const label = units ? `${name} [${units}]` : name;
  const place = `${AXES[slices.decoded.axis]} = ${number(slices.decoded.at)}`;
  const panels: Panel[] = [{ kind: 'slice', title: `decoded, ${place}`, slice: slices.decoded, map, label }];
  if (slices.original) {
    panels.unshift({ kind: 'slice', title: `original, ${place}`, slice: slices.original, map, label });
  }
  if (slices.error) {
    const [lo, hi] = finiteRange(slices.error.values);
    const most = Math.max(-lo, hi);
    panels.push({
      kind: 'slice',
      title: 'error = decoded − original',
      slice: slices.error,
      map: colormap('coolwarm', [-most, most]),
      label: units ? `error [${units}]` : 'error',
    });
  }
  panels.push({ kind: 'volume', title: 'model, volume view', grid, map, label });
  const preview =
    request.part === undefined ? '' : `preview from ${number(100 * request.part)} % of the Gaussians of `;
  return drawFigure({
    title: `${name} · step ${step.step} · t = ${number(step.time)}`,
    subtitle: preview + summary(entries),
    panels,
    width: request.width,
  });
}

/** What the stored field reached, all blocks together. */
function summary(entries: FieldEntry[]): string {
  const sum = (of: (entry: FieldEntry) => number) => entries.reduce((total, entry) => total + of(entry), 0);
  const { rawBytes, psnr, maxError } = mergeCertificates(entries.map((entry) => entry.certificate));
  const stored = sum((entry) => entry.storedBytes);
  const parts = [`${bytes(rawBytes)} → ${bytes(stored)}`, `ratio ${number(rawBytes / stored)}:1`];
  if (Number.isFinite(psnr)) parts.push(`PSNR ${psnr.toFixed(2)} dB`, `max error ${number(maxError)}`);
  else parts.push('exact');
  const gaussians = sum((entry) => entry.certificate.gaussians);
  if (gaussians > 0) parts.push(`${gaussians.toLocaleString('en-US')} Gaussians`);
  return parts.join('  ·  ');
}

function bytes(count: number): string {
  const power = Math.min(3, Math.floor(Math.log10(Math.max(count, 1)) / 3));
  return `${number(count / 1000 ** power)} ${['B', 'kB', 'MB', 'GB'][power]}`;
}

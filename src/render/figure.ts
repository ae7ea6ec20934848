import sharp from 'sharp';
import { boxPanel } from './box_panel.js';
import { slicePanel } from './slice_panel.js';
import { text, type Panel, type Style } from './svg.js';

export interface Figure {
  title: string;
  /** One line below the title: what was achieved. */
  subtitle: string;
  /** Two to a row. */
  panels: Panel[];
  /** Pixels. */
  width: number;
}

/** Lays the panels out in rows of two and returns a PNG. */
export async function drawFigure({ title, subtitle, panels, width }: Figure): Promise<Buffer> {
  const font = width / 80;
  const style: Style = { font, small: font * 0.85 };
  const margin = Math.round(font * 1.2);
  const header = Math.round(font * 4.2);
  const columns = Math.min(2, panels.length);
  const cell = Math.floor((width - margin * (columns + 1)) / columns);
  const parts: string[] = [
    text(margin, font * 1.9, title, { size: font * 1.25, weight: 'bold' }),
    text(margin, font * 3.5, subtitle, { size: font, fill: '#444' }),
  ];
  let y = header;
  for (let first = 0; first < panels.length; first += columns) {
    const row = panels.slice(first, first + columns);
    const heights = row.flatMap((panel) =>
      panel.kind === 'slice' ? [slicePanel.height(panel, cell, style)] : [],
    );
    const height = heights.length > 0 ? Math.max(...heights) : Math.round(cell * 0.75);
    for (const [i, panel] of row.entries()) {
      const x = margin + i * (cell + margin);
      const body =
        panel.kind === 'slice'
          ? await slicePanel.draw(panel, cell, style)
          : await boxPanel(panel, cell, height, style);
      parts.push(`<g transform="translate(${x},${y})">${body}</g>`);
    }
    y += height + margin;
  }
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${y}" font-family="DejaVu Sans, sans-serif">` +
    `<rect width="100%" height="100%" fill="white"/>${parts.join('')}</svg>`;
  return sharp(Buffer.from(svg), { unlimited: true }).png({ compressionLevel: 9 }).toBuffer();
}

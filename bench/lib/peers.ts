import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** One measured row of benchmarks/peers.csv, beside the data folder. */
export interface PeerRow {
  case: string;
  field: string;
  step: number;
  compressor: string;
  mode: string;
  target: number;
  bytes: number;
  psnr: number;
}

/** All rows; empty when the file is not there. */
export function readPeers(dataFolder: string): PeerRow[] {
  const path = join(dataFolder, '..', 'benchmarks', 'peers.csv');
  if (!existsSync(path)) return [];
  const [header, ...lines] = readFileSync(path, 'utf8').trim().split('\n');
  const names = header!.split(',');
  return lines.map((line) => {
    const cells = line.split(',');
    const cell = (name: string) => cells[names.indexOf(name)]!;
    return {
      case: cell('case'),
      field: cell('field'),
      step: Number(cell('step')),
      compressor: cell('compressor'),
      mode: cell('mode'),
      target: Number(cell('target')),
      bytes: Number(cell('bytes')),
      psnr: Number(cell('psnr_db')),
    };
  });
}

/** PSNR at a size, linear in log bytes between the two measured rows around it; undefined outside what was measured. */
export function psnrAt(rows: PeerRow[], bytes: number): number | undefined {
  const sorted = rows.filter((row) => Number.isFinite(row.psnr)).sort((a, b) => a.bytes - b.bytes);
  const above = sorted.findIndex((row) => row.bytes >= bytes);
  if (above < 0 || (above === 0 && sorted[0]!.bytes !== bytes)) return undefined;
  const hi = sorted[above]!;
  const lo = sorted[Math.max(above - 1, 0)]!;
  if (hi.bytes === lo.bytes) return hi.psnr;
  const t = Math.log(bytes / lo.bytes) / Math.log(hi.bytes / lo.bytes);
  return lo.psnr + t * (hi.psnr - lo.psnr);
}

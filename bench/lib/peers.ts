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

/**
 * Rows that peers.csv lacks: SZ3 (source of February 2026, its interpolation-Lorenzo default), ipcc_tos step 23 with its fill
 * values in place at an absolute bound of that share of the ocean's range; and log2(chi) at the absolute bound log2(1 + E),
 * as SZ3 has no point-wise mode of its own.
 */
export const MEASURED: PeerRow[] = [
  ...sz3({ case: 'ipcc_tos', field: 'tos', step: 23, mode: 'rel' }, [
    [1e-1, 8080, 34.19],
    [1e-2, 9884, 48.79],
    [1e-3, 16263, 65.55],
    [1e-4, 28547, 85.33],
  ]),
  ...sz3({ case: 'vtk_chi_field', field: 'chi', step: 0, mode: 'pwRel' }, [
    [1e-1, 11965, 49.13],
    [1e-2, 32703, 68.34],
    [1e-3, 76970, 88.07],
    [1e-4, 157879, 108.39],
  ]),
];

function sz3(
  of: Pick<PeerRow, 'case' | 'field' | 'step' | 'mode'>,
  rows: [target: number, bytes: number, psnr: number][],
): PeerRow[] {
  return rows.map(([target, bytes, psnr]) => ({ ...of, compressor: 'SZ3', target, bytes, psnr }));
}

/**
 * PSNR at a size, linear in log bytes between the two measured rows around it; up to a tenth below the smallest that
 * of the smallest, in the peer's favour; undefined elsewhere outside what was measured.
 */
export function psnrAt(rows: PeerRow[], bytes: number): number | undefined {
  const sorted = rows.filter((row) => Number.isFinite(row.psnr)).sort((a, b) => a.bytes - b.bytes);
  const above = sorted.findIndex((row) => row.bytes >= bytes);
  if (above < 0 || (above === 0 && bytes < 0.9 * sorted[0]!.bytes)) return undefined;
  const hi = sorted[above]!;
  const lo = sorted[Math.max(above - 1, 0)]!;
  if (hi.bytes === lo.bytes) return hi.psnr;
  const t = Math.log(bytes / lo.bytes) / Math.log(hi.bytes / lo.bytes);
  return lo.psnr + t * (hi.psnr - lo.psnr);
}

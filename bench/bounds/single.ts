/** One step alone: payload ratios beside SZ3 and SPERR at the same bound. */
import { openCase } from '../lib/data.js';
import type { PeerRow } from '../lib/peers.js';
import { fixed, heading, note, table } from '../lib/report.js';
import { BOUNDS, UNSTRUCTURED, code, geometricMean, gridPlace, peerBytes, unstructured } from './shared.js';

export async function singleSteps(folder: string, peers: PeerRow[]): Promise<void> {
  heading('1. One step alone, structured cases: payload ratio beside SZ3 and SPERR at the same bound');
  const cases = [...new Set(peers.filter((r) => r.compressor === 'SPERR').map((r) => r.case))];
  const rows: string[][] = [];
  const gains: number[] = [];
  for (const name of cases) {
    const from = openCase(folder, name);
    if (!from.dims) continue;
    const place = gridPlace(from);
    const fields = new Map(peers.filter((r) => r.case === name).map((r) => [r.field, r.step]));
    for (const [field, step] of fields) {
      for (const rel of BOUNDS) {
        const sz3 = peerBytes(peers, { case: name, field }, 'SZ3', rel);
        if (sz3 === undefined) continue;
        const sperr = peerBytes(peers, { case: name, field }, 'SPERR', rel);
        const result = (await code({ place, from, fields: [field] }, step, step, rel)).get(field)!;
        const raw = 4 * result.metrics.values;
        const bytes = result.payload.length;
        gains.push(sz3 / bytes);
        rows.push([
          `${name} ${field}`,
          rel.toExponential(),
          fixed(raw / bytes, 1),
          fixed(raw / sz3, 1),
          fixed(sperr && raw / sperr, 1),
          fixed(sz3 / bytes),
          fixed(sperr && sperr / bytes),
        ]);
      }
    }
  }
  table(['field', 'bound / range', 'Gaussitu', 'SZ3', 'SPERR', '÷ SZ3', '÷ SPERR'], rows);
  note(`Geometric mean over SZ3: ${fixed(geometricMean(gains))}; least: ${fixed(Math.min(...gains))}.`);
}

export async function unstructuredSteps(folder: string, peers: PeerRow[]): Promise<void> {
  heading('1. One step alone, unstructured cases: payload ratio beside SZ3 on the 1-D array in file order');
  const rows: string[][] = [];
  const gains: number[] = [];
  for (const { name, fields, last } of UNSTRUCTURED) {
    const from = openCase(folder, name);
    const place = await unstructured(folder, name);
    for (const field of fields) {
      for (const rel of BOUNDS) {
        const sz3 = peerBytes(peers, { case: name, field }, 'SZ3', rel)!;
        const { metrics, payload } = (await code({ place, from, fields: [field] }, last, last, rel)).get(
          field,
        )!;
        const raw = 4 * metrics.values;
        gains.push(sz3 / payload.length);
        rows.push([
          `${name} ${field}`,
          rel.toExponential(),
          fixed(raw / payload.length, 1),
          fixed(raw / sz3, 1),
          fixed(sz3 / payload.length),
        ]);
      }
    }
  }
  table(['field', 'bound / range', 'Gaussitu', 'SZ3', '÷ SZ3'], rows);
  note(`Geometric mean over SZ3: ${fixed(geometricMean(gains))}; least: ${fixed(Math.min(...gains))}.`);
}

/** Fill values, and values over six decades. */
import type { FieldState } from '../../src/codec/index.js';
import { bytesOf, openCase, readField } from '../lib/data.js';
import type { PeerRow } from '../lib/peers.js';
import { fixed, heading, note, table } from '../lib/report.js';
import { codec, gridPlace } from './shared.js';

/** Land in the ocean's fields. */
const FILL = Math.fround(1e20);

interface Extreme {
  name: string;
  field: string;
  /** Steps first to last: the last one counts. */
  first: number;
  last: number;
  mode: 'rel' | 'pwRel';
  bounds: number[];
}

/** Ocean temperatures around land, values over six decades. The largest error is that of a decode. */
export async function extremes(folder: string, peers: PeerRow[]): Promise<void> {
  heading('5. Fill values and six decades: the bound held, payload ratio beside one step of SZ3');
  const rows: string[][] = [];
  const tos = { name: 'ipcc_tos', field: 'tos', mode: 'rel' as const, bounds: [1e-1, 1e-2, 1e-3, 1e-4] };
  const chi = { name: 'vtk_chi_field', field: 'chi', first: 0, last: 0, bounds: [1e-1, 1e-2, 1e-3, 1e-4] };
  const cases: Extreme[] = [
    { ...tos, first: 23, last: 23 },
    { ...tos, first: 0, last: 23 },
    { ...chi, mode: 'rel' },
    { ...chi, mode: 'pwRel' },
  ];
  for (const { name, field, first, last, mode, bounds } of cases) {
    const from = openCase(folder, name);
    const place = gridPlace(from);
    for (const asked of bounds) {
      let [earlier, decoded]: FieldState[][] = [[], []];
      for (let step = first; step <= last; step++) {
        const values = readField(from, field, step);
        const target = mode === 'rel' ? { rel: asked } : { pwRel: asked };
        const result = await codec.encodeBounded({
          ...place,
          dtype: 'f32',
          data: bytesOf(values),
          target,
          fills: [FILL],
          earlier,
        });
        const back = await codec.decodeBounded(result.payload, place, 'f32', { earlier: decoded });
        earlier = [result.state, ...earlier!].slice(0, 2);
        decoded = [back.state, ...decoded!].slice(0, 2);
        if (step < last) continue;
        const { valueMin, valueMax } = result.metrics;
        const unit = (x: number) => (mode === 'rel' ? valueMax - valueMin : Math.abs(x));
        const largest = values.reduce((most, x, i) => {
          if (x === back.values[i]) return most;
          return Math.max(most, x === FILL ? Infinity : Math.abs(x - back.values[i]!) / unit(x));
        }, 0);
        const sz3 = peers.find(
          (r) =>
            r.case === name &&
            r.compressor === 'SZ3' &&
            r.mode === mode &&
            Math.abs(r.target / asked - 1) < 1e-6,
        )?.bytes;
        const bytes = result.payload.length;
        rows.push([
          `${name} ${field}`,
          first < last ? `${last}, after ${last - first}` : String(last),
          `${mode === 'rel' ? 'rel' : 'pw-rel'} ${asked.toExponential()}`,
          `${largest.toExponential(3)} ${largest <= asked ? 'held' : 'BROKEN'}`,
          String(bytes),
          fixed(values.byteLength / bytes, 1),
          fixed(sz3 && values.byteLength / sz3, 1),
          fixed(sz3 && sz3 / bytes),
        ]);
      }
    }
  }
  table(['field', 'step', 'bound', 'largest error', 'bytes', 'Gaussitu', 'SZ3', '÷ SZ3'], rows);
  note(
    'SZ3 gets tos with its fill values in place and the absolute bound of the ocean’s range, and for pw-rel log2(chi) with the ' +
      'absolute bound log2(1 + E): it has no such mode of its own.',
  );
}

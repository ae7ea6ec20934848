/** Strict error bounds: bytes beside SZ3 and SPERR at the same bound, alone and in streams, and speed beside zfp. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { createCodec, type BoundedPlace, type BoundedResult, type FieldState } from '../src/codec/index.js';
import type { Inspection } from '../src/archive/inspect.js';
import { bytesOf, dataFolder, openCase, pointMesh, readField, readFloats, uniformMesh } from './lib/data.js';
import type { Case } from './lib/data.js';
import { MEASURED, readPeers, type PeerRow } from './lib/peers.js';
import { gaussitu, scratch } from './lib/programs.js';
import { fixed, heading, machine, note, quick, table } from './lib/report.js';

const codec = createCodec();
/** Land in the ocean's fields. */
const FILL = Math.fround(1e20);
const BOUNDS = quick ? [1e-2, 1e-3] : [1e-1, 5e-2, 1e-2, 1e-3, 1e-4];

interface Stream {
  place: BoundedPlace;
  from: Case;
  fields: string[];
}

/** Codes steps first..last of a case at a relative bound, fields in the given order; results of the last step. */
async function code(
  { place, from, fields }: Stream,
  first: number,
  last: number,
  rel: number,
): Promise<Map<string, BoundedResult>> {
  const history = new Map<string, FieldState[]>();
  let results = new Map<string, BoundedResult>();
  for (let step = first; step <= last; step++) {
    results = new Map();
    for (const field of fields) {
      const result = await codec.encodeBounded({
        ...place,
        dtype: 'f32',
        data: bytesOf(readField(from, field, step)),
        target: { rel },
        earlier: history.get(field) ?? [],
        siblings: [...results.values()].map((r) => r.state),
      });
      results.set(field, result);
      history.set(field, [result.state, ...(history.get(field) ?? [])].slice(0, 2));
    }
  }
  return results;
}

function peerBytes(rows: PeerRow[], of: { case: string; field: string }, compressor: string, rel: number) {
  return rows.find(
    (row) =>
      row.case === of.case &&
      row.field === of.field &&
      row.compressor === compressor &&
      row.mode === 'rel' &&
      Math.abs(row.target / rel - 1) < 1e-6,
  )?.bytes;
}

function geometricMean(values: number[]): number {
  return Math.exp(values.reduce((sum, v) => sum + Math.log(v), 0) / values.length);
}

/** Grid of a case, whatever its coordinates: neighbours in the array are neighbours in space. */
function gridPlace(from: Case): BoundedPlace {
  const mesh = { kind: 'uniform', dims: from.dims!, origin: [0, 0, 0], spacing: [1, 1, 1] } as const;
  return { mesh, association: 'node' };
}

async function singleSteps(folder: string, peers: PeerRow[]): Promise<void> {
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

async function streams(folder: string, peers: PeerRow[]): Promise<void> {
  heading('2. and 3. Streams: the last step after those before it, payload ratio beside one step of SZ3');
  const grid = (name: string) => ({ from: openCase(folder, name), last: 3 });
  const places: { name: string; orders: string[][]; last: number; place: () => BoundedPlace }[] = [
    { name: 'dns_decay', orders: [['u'], ['p'], ['scalar'], ['p', 'scalar', 'u']], ...at(grid('dns_decay')) },
    { name: 'gray_scott', orders: [['u'], ['v', 'u'], ['u', 'v']], ...at(grid('gray_scott')) },
    ...['openfoam_channel395', 'fem_tet'].map((name) => {
      const from = openCase(folder, name);
      const points = name === 'fem_tet' ? 'coords.f32' : 'cell_centres.f32';
      return {
        name,
        last: name === 'fem_tet' ? 5 : 11,
        orders: name === 'fem_tet' ? [['p'], ['T']] : [['Ux'], ['p'], ['Ux', 'Uy', 'Uz', 'nut', 'p']],
        place: (): BoundedPlace => ({ mesh: pointMesh(from, points), association: 'node' }),
      };
    }),
  ];
  const rows: string[][] = [];
  for (const { name, orders, last, place } of places) {
    const from = openCase(folder, name);
    const where = place();
    for (const fields of orders) {
      for (const rel of [1e-2, 1e-3]) {
        const results = await code({ place: where, from, fields }, 0, last, rel);
        for (const [field, { payload, metrics, siblings }] of results) {
          const raw = 4 * metrics.values;
          const sz3 = peerBytes(peers, { case: name, field }, 'SZ3', rel);
          const sperr = peerBytes(peers, { case: name, field }, 'SPERR', rel);
          rows.push([
            `${name} ${field}`,
            siblings.map((s) => fields[s]).join(', ') || (fields.length > 1 ? 'none chosen' : '–'),
            rel.toExponential(),
            fixed(raw / payload.length, 1),
            fixed(sz3 && raw / sz3, 1),
            fixed(sz3 && sz3 / payload.length),
            fixed(sperr && sperr / payload.length),
          ]);
        }
      }
    }
  }
  table(['field', 'siblings', 'bound / range', 'Gaussitu', 'SZ3', '÷ SZ3', '÷ SPERR'], rows);
}

function at({ from, last }: { from: Case; last: number }) {
  return { last, place: (): BoundedPlace => ({ mesh: uniformMesh(from), association: 'node' }) };
}

async function wholeRuns(folder: string, peers: PeerRow[]): Promise<void> {
  heading('Files of a whole run, all overheads included: last step');
  const out = scratch('bounds');
  const rows: string[][] = [];
  for (const [name, fields, last] of [
    ['dns_decay', 'u,p,scalar', 3],
    ['gray_scott', 'u,v', 3],
    ['openfoam_channel395', 'Ux,Uy,Uz,p,nut', 11],
  ] as const) {
    for (const rel of ['1e-2', '1e-3']) {
      const run = join(out, `${name}-${rel}`);
      gaussitu('replay', join(folder, name), '--out', run, '--fields', fields, '--rel', rel);
      const { steps } = JSON.parse(gaussitu('inspect', run, '--json')) as Inspection;
      for (const field of steps[last]!.fields) {
        const sz3 = peerBytes(peers, { case: name, field: field.name }, 'SZ3', Number(rel));
        rows.push([
          `${name} ${field.name}`,
          rel,
          fixed(field.ratio, 1),
          fixed(sz3 && field.rawBytes / sz3, 1),
          fixed(sz3 && sz3 / field.storedBytes),
        ]);
      }
    }
  }
  table(['field', 'bound / range', 'Gaussitu', 'SZ3', '÷ SZ3'], rows);
}

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
async function extremes(folder: string, peers: PeerRow[]): Promise<void> {
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

/** Seconds of one call of the zfp program; NaN when there is none. */
function seconds(args: string[]): number {
  const began = performance.now();
  const { status } = spawnSync('zfp', args, { stdio: 'ignore' });
  return status === 0 ? (performance.now() - began) / 1000 : Number.NaN;
}

/** Least of five. */
function best(run: () => number): number {
  return Math.min(...[0, 1, 2, 3, 4].map(run));
}

async function speed(folder: string): Promise<void> {
  heading('4. Speed: dns_decay u, step 3, bound 1e-3 of the range, beside the zfp program');
  const from = openCase(folder, 'dns_decay');
  const place = gridPlace(from);
  const data = bytesOf(readField(from, 'u', 3));
  const rel = 1e-3;
  const rows: string[][] = [];
  const values = readFloats(join(from.path, 'u_003.f32'));
  const [lo, hi] = minmax(values);
  const bound = rel * (hi - lo);
  const out = scratch('zfp');
  const dims = ['-f', '-3', ...from.dims!.map(String)];
  const z = join(out, 'z');
  const zfp = [
    best(() => seconds([...dims, '-a', String(bound), '-i', join(from.path, 'u_003.f32'), '-z', z])),
    best(() => seconds([...dims, '-a', String(bound), '-z', z, '-o', join(out, 'o')])),
  ];
  rows.push(['zfp 1 thread (whole process)', fixed(zfp[0], 3), fixed(zfp[1], 3), '1', '1']);
  const earlier: FieldState[] = [];
  for (const step of [1, 2]) {
    const before = bytesOf(readField(from, 'u', step));
    const result = await codec.encodeBounded({ ...place, dtype: 'f32', data: before, target: { rel } });
    earlier.unshift(result.state);
  }
  for (const [name, references] of [
    ['alone', {}],
    ['with two steps of history', { earlier }],
  ] as const) {
    for (const threads of [1, 2]) {
      codec.setThreads(threads);
      let [encode, decode] = [Infinity, Infinity];
      for (let i = 0; i < 5; i++) {
        let began = performance.now();
        const { payload } = await codec.encodeBounded({
          ...place,
          dtype: 'f32',
          data,
          target: { rel },
          ...references,
        });
        encode = Math.min(encode, (performance.now() - began) / 1000);
        began = performance.now();
        await codec.decodeBounded(payload, place, 'f32', references);
        decode = Math.min(decode, (performance.now() - began) / 1000);
      }
      rows.push([
        `${name}, ${threads} thread${threads > 1 ? 's' : ''}`,
        fixed(encode, 3),
        fixed(decode, 3),
        fixed(encode / zfp[0]!),
        fixed(decode / zfp[1]!),
      ]);
    }
  }
  table(['', 'compress, s', 'decompress, s', '÷ zfp', '÷ zfp'], rows);
  note('Compression includes the decode that certifies it. Best of five.');
}

function minmax(values: Float32Array): [number, number] {
  return values.reduce<[number, number]>(
    ([a, b], x) => [Math.min(a, x), Math.max(b, x)],
    [Infinity, -Infinity],
  );
}

const folder = dataFolder();
if (folder) {
  machine(codec.instructionSet());
  const peers = [...readPeers(folder), ...MEASURED];
  const only = process.argv.find((a) => a.startsWith('--only='))?.slice(7);
  const parts: Record<string, () => Promise<void>> = {
    single: () => singleSteps(folder, peers),
    streams: () => streams(folder, peers),
    files: () => wholeRuns(folder, peers),
    extremes: () => extremes(folder, peers),
    speed: () => speed(folder),
  };
  for (const [name, part] of Object.entries(parts)) if (!only || only === name) await part();
}

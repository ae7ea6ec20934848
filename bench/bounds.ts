/** Strict error bounds: bytes beside SZ3 and SPERR at the same bound, alone and in streams, and speed beside zfp. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { createCodec, type BoundedPlace, type BoundedResult, type FieldState } from '../src/codec/index.js';
import type { Inspection } from '../src/archive/inspect.js';
import { bytesOf, dataFolder, openCase, readField, readFloats, uniformMesh, unpacked } from './lib/data.js';
import type { Case } from './lib/data.js';
import { openInput } from '../src/replay/index.js';
import type { UnstructuredMesh } from '../src/protocol/mesh.js';
import { MEASURED, readPeers, type PeerRow } from './lib/peers.js';
import { gaussitu, scratch } from './lib/programs.js';
import { fixed, heading, machine, note, quick, table } from './lib/report.js';

const codec = createCodec();
/** Land in the ocean's fields. */
const FILL = Math.fround(1e20);
const BOUNDS = quick ? [1e-2, 1e-3] : [1e-1, 5e-2, 1e-2, 1e-3, 1e-4];

/** SZ3 3.3.2 on fields that the table of peers leaves out: bytes at BOUNDS, 1-D, one step (the last). */
const SZ3_BYTES: Record<string, number[]> = {
  'openfoam_channel395 Uy': [5350, 9199, 23306, 49799, 96730],
  'openfoam_channel395 Uz': [6517, 11043, 26478, 54963, 103162],
  'openfoam_channel395 nut': [5594, 9436, 22467, 48960, 93477],
};

/** Unstructured cases: fields and the step that is measured. */
const UNSTRUCTURED = [
  { name: 'openfoam_channel395', fields: ['Ux', 'Uy', 'Uz', 'p', 'nut'], last: 11 },
  { name: 'fem_tet', fields: ['p', 'T'], last: 5 },
  { name: 'vtk_disk_out_ref', fields: ['Temp'], last: 0 },
];

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
  const other = SZ3_BYTES[`${of.case} ${of.field}`];
  if (other && compressor === 'SZ3') return other[[1e-1, 5e-2, 1e-2, 1e-3, 1e-4].indexOf(rel)];
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

/** Mesh and association of an unstructured case, connectivity and all. */
async function unstructured(
  folder: string,
  name: string,
): Promise<BoundedPlace & { mesh: UnstructuredMesh }> {
  const input = await openInput(unpacked(openCase(folder, name), scratch(name)));
  const mesh = (await input.mesh(input.fields[0]!.mesh, 0))[0]!.mesh;
  if (mesh.kind !== 'unstructured') throw new Error(`${name} is no unstructured mesh`);
  return { mesh, association: input.fields[0]!.association };
}

/** The same cells with other nodes: each moved by up to a fifth of the distance to the next. */
function jittered(place: BoundedPlace & { mesh: UnstructuredMesh }, bend: boolean) {
  const points = Float64Array.from(place.mesh.points);
  const count = points.length / 3;
  for (const axis of [0, 1, 2]) {
    const all = [...new Set(Array.from({ length: count }, (_, i) => points[3 * i + axis]!))].toSorted(
      (a, b) => a - b,
    );
    let random = 1;
    for (let i = 0; i < count; i++) {
      const x = points[3 * i + axis]!;
      const at = lowerBound(all, x);
      const gap = Math.min(x - (all[at - 1] ?? -Infinity), (all[at + 1] ?? Infinity) - x);
      random = (Math.imul(random, 1664525) + 1013904223) >>> 0;
      points[3 * i + axis] = x + 0.2 * gap * ((random >>> 8) / 2 ** 23 - 1);
    }
  }
  if (!bend) return { ...place, mesh: { ...place.mesh, points } };
  for (let i = 0; i < count; i++) {
    const radius = 1 + 0.01 * points[3 * i + 1]!;
    const angle = points[3 * i]!;
    points[3 * i] = radius * Math.sin(angle);
    points[3 * i + 1] = radius * Math.cos(angle);
  }
  return { ...place, mesh: { ...place.mesh, points } };
}

function lowerBound(sorted: number[], x: number): number {
  let [lo, hi] = [0, sorted.length];
  while (lo < hi) {
    const middle = (lo + hi) >> 1;
    if (sorted[middle]! < x) lo = middle + 1;
    else hi = middle;
  }
  return lo;
}

async function unstructuredSteps(folder: string, peers: PeerRow[]): Promise<void> {
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

async function irregular(folder: string, peers: PeerRow[]): Promise<void> {
  heading('openfoam_channel395 when its cells are no lattice: one step alone, and the last of twelve');
  const name = 'openfoam_channel395';
  const from = openCase(folder, name);
  const place = await unstructured(folder, name);
  const places = {
    'as it is, a lattice': place,
    'nodes moved': jittered(place, false),
    'moved, 100 × thinner, bent': jittered(place, true),
  };
  const rows: string[][] = [];
  for (const [how, where] of Object.entries(places)) {
    for (const rel of [1e-2, 1e-3]) {
      const [alone, stream]: [number[], number[]] = [[], []];
      for (const field of ['Ux', 'Uy', 'Uz', 'p', 'nut']) {
        const sz3 = peerBytes(peers, { case: name, field }, 'SZ3', rel)!;
        for (const [first, gains] of [
          [11, alone],
          [0, stream],
        ] as const) {
          const results = await code({ place: where, from, fields: [field] }, first, 11, rel);
          gains.push(sz3 / results.get(field)!.payload.length);
        }
      }
      rows.push([
        how,
        rel.toExponential(),
        ...[alone, stream].flatMap((g) => [fixed(geometricMean(g)), fixed(Math.min(...g))]),
      ]);
    }
  }
  table(['cells', 'bound / range', 'alone ÷ SZ3', 'least', 'stream ÷ SZ3', 'least'], rows);
  note('Geometric mean of Ux, Uy, Uz, p, nut.');
}

async function streams(folder: string, peers: PeerRow[]): Promise<void> {
  heading('2. and 3. Streams: the last step after those before it, payload ratio beside one step of SZ3');
  const grid = (name: string) => ({ from: openCase(folder, name), last: 3 });
  const places: {
    name: string;
    orders: string[][];
    last: number;
    place: () => BoundedPlace | Promise<BoundedPlace>;
  }[] = [
    { name: 'dns_decay', orders: [['u'], ['p'], ['scalar'], ['p', 'scalar', 'u']], ...at(grid('dns_decay')) },
    { name: 'gray_scott', orders: [['u'], ['v', 'u'], ['u', 'v']], ...at(grid('gray_scott')) },
    ...UNSTRUCTURED.filter(({ last }) => last > 0).map(({ name, fields, last }) => ({
      name,
      last,
      orders: fields.map((field) => [field]),
      place: () => unstructured(folder, name),
    })),
  ];
  const rows: string[][] = [];
  for (const { name, orders, last, place } of places) {
    const from = openCase(folder, name);
    const where = await place();
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
    ['fem_tet', 'p,T', 5],
  ] as const) {
    const from = unpacked(openCase(folder, name), scratch(name));
    for (const rel of ['1e-2', '1e-3']) {
      const run = join(out, `${name}-${rel}`);
      gaussitu('replay', from, '--out', run, '--fields', fields, '--rel', rel);
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

/** One field's steps first..last with a model beside the residual; the results in order. */
async function layered(
  { place, from, fields: [field] }: Stream,
  steps: readonly [first: number, last: number],
  rel: number,
  modelShare: number | 'auto',
): Promise<{ result: BoundedResult; seconds: number }[]> {
  const out: { result: BoundedResult; seconds: number }[] = [];
  let earlier: FieldState[] = [];
  let previousModel: Uint8Array | undefined;
  for (let step = steps[0]; step <= steps[1]; step++) {
    const data = bytesOf(readField(from, field!, step));
    const before = process.cpuUsage();
    const request = { ...place, dtype: 'f32', data, target: { rel }, earlier, modelShare } as const;
    const result = await codec.encodeBounded({ ...request, ...(previousModel && { previousModel }) });
    const { user, system } = process.cpuUsage(before);
    out.push({ result, seconds: (user + system) / 1e6 });
    earlier = [result.state, ...earlier].slice(0, 2);
    if (result.model) previousModel = codec.modelOf(result.payload);
  }
  return out;
}

async function models(folder: string): Promise<void> {
  heading('The Gaussian model beside the residual: payload bytes with and without, step by step');
  const rows: string[][] = [];
  const steps = [
    ['dns_decay', 'u', 3, 3],
    ['dns_decay', 'p', 3, 3],
    ['gray_scott', 'u', 3, 3],
    ['vtk_ironprot', 'scalars', 0, 0],
    ['vtk_carotid', 'scalars', 0, 0],
    ['dns_decay', 'u', 0, 2],
    ['gray_scott', 'u', 0, 2],
    ['openfoam_channel395', 'Ux', 0, 2],
    ['fem_tet', 'p', 0, 2],
  ] as const;
  for (const [name, field, first, last] of steps) {
    const from = openCase(folder, name);
    const place = from.dims ? gridPlace(from) : await unstructured(folder, name);
    const shares = first === last && !quick ? (['auto', 0.1, 0.3] as const) : (['auto'] as const);
    for (const rel of first === last ? [1e-1, 1e-2, 1e-3] : [1e-2]) {
      const plain = await layered({ place, from, fields: [field] }, [first, last], rel, 0);
      for (const share of shares) {
        const helped = await layered({ place, from, fields: [field] }, [first, last], rel, share);
        for (const [i, { result, seconds }] of helped.entries()) {
          const before = plain[i]!;
          rows.push([
            `${name} ${field}, step ${first + i}`,
            rel.toExponential(),
            String(share),
            String(before.result.payload.length),
            result.model ? `${result.model.bytes} (${result.model.gaussians})` : 'none',
            result.model ? fixed(result.model.psnr, 1) : '–',
            result.model?.reference ? 'yes' : 'no',
            String(result.payload.length),
            fixed(result.payload.length / before.result.payload.length, 3),
            `${fixed(before.seconds, 2)} → ${fixed(seconds, 2)}`,
          ]);
        }
      }
    }
  }
  table(
    ['block', 'bound / range', 'share', 'without', 'model, bytes (Gaussians)', 'its PSNR, dB'].concat([
      'predicts',
      'total',
      '÷ without',
      'processor time, s',
    ]),
    rows,
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

async function timed<R>(run: () => Promise<R>): Promise<[R, number]> {
  const began = performance.now();
  return [await run(), (performance.now() - began) / 1000];
}

/** Of one field of fem_tet. */
function tetRate(spent: number): string {
  return `${fixed(spent)} s, ${fixed(2.07382 / spent, 1)} MB/s`;
}

async function planSpeed(folder: string): Promise<void> {
  heading('Speed on fem_tet: 518,455 nodes, 3,014,076 tetrahedra; T at step 5, bound 1e-3 of the range');
  const from = openCase(folder, 'fem_tet');
  const base = await unstructured(folder, 'fem_tet');
  const data = (step: number) => bytesOf(readField(from, 'T', step));
  const rows: string[][] = [];
  for (const threads of [1, 2]) {
    codec.setThreads(threads);
    const place = { ...base, mesh: { ...base.mesh } }; // another mesh: plans are kept by mesh
    const request = { ...place, dtype: 'f32', target: { rel: 1e-3 } } as const;
    const [{ state: before }, first] = await timed(() => codec.encodeBounded({ ...request, data: data(3) }));
    const earlier = [
      (await codec.encodeBounded({ ...request, data: data(4), earlier: [before] })).state,
      before,
    ];
    let [encode, decode] = [Infinity, Infinity];
    for (let i = 0; i < 5; i++) {
      const [{ payload }, spent] = await timed(() =>
        codec.encodeBounded({ ...request, data: data(5), earlier }),
      );
      encode = Math.min(encode, spent);
      decode = Math.min(
        decode,
        (await timed(() => codec.decodeBounded(payload, place, 'f32', { earlier })))[1],
      );
    }
    rows.push([String(threads), `${fixed(first, 1)} s`, tetRate(encode), tetRate(decode)]);
  }
  table(['threads', 'plan and first step', 'compress with two steps of history', 'decompress'], rows);
  note('Compression includes the decode that certifies it. Best of five; the plan is built once per mesh.');
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
    unstructured: () => unstructuredSteps(folder, peers),
    irregular: () => irregular(folder, peers),
    streams: () => streams(folder, peers),
    files: () => wholeRuns(folder, peers),
    extremes: () => extremes(folder, peers),
    models: () => models(folder),
    speed: () => speed(folder),
    plan: () => planSpeed(folder),
  };
  for (const [name, part] of Object.entries(parts)) if (!only || only === name) await part();
}

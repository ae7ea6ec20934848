/** Speed beside the zfp program, and on a mesh of half a million nodes. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { BoundedPlace, BoundedRequest, FieldState } from '../../src/codec/index.js';
import { bytesOf, openCase, readField, readFloats } from '../lib/data.js';
import { scratch } from '../lib/programs.js';
import { fixed, heading, note, table } from '../lib/report.js';
import { codec, gridPlace, unstructured } from './shared.js';

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

/** Seconds of encoding (with the decode that certifies it) and of decoding: the least of five each. */
async function timed(
  request: BoundedRequest,
  place: BoundedPlace,
): Promise<{ encode: number; decode: number }> {
  let [encode, decode] = [Infinity, Infinity];
  for (let i = 0; i < 5; i++) {
    const began = performance.now();
    const { payload } = await codec.encodeBounded(request);
    const encoded = performance.now();
    await codec.decodeBounded(payload, place, 'f32', { earlier: request.earlier ?? [] });
    encode = Math.min(encode, (encoded - began) / 1000);
    decode = Math.min(decode, (performance.now() - encoded) / 1000);
  }
  return { encode, decode };
}

export async function speed(folder: string): Promise<void> {
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
      const { encode, decode } = await timed(
        { ...place, dtype: 'f32', data, target: { rel }, ...references },
        place,
      );
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

/** Of one field of fem_tet. */
function tetRate(spent: number): string {
  return `${fixed(spent)} s, ${fixed(2.07382 / spent, 1)} MB/s`;
}

export async function planSpeed(folder: string): Promise<void> {
  heading('Speed on fem_tet: 518,455 nodes, 3,014,076 tetrahedra; T at step 5, bound 1e-3 of the range');
  const from = openCase(folder, 'fem_tet');
  const base = await unstructured(folder, 'fem_tet');
  const data = (step: number) => bytesOf(readField(from, 'T', step));
  const rows: string[][] = [];
  for (const threads of [1, 2]) {
    codec.setThreads(threads);
    const place = { ...base, mesh: { ...base.mesh } }; // another mesh: plans are kept by mesh
    const request = { ...place, dtype: 'f32', target: { rel: 1e-3 } } as const;
    const began = performance.now();
    const { state: before } = await codec.encodeBounded({ ...request, data: data(3) });
    const first = (performance.now() - began) / 1000;
    const next = await codec.encodeBounded({ ...request, data: data(4), earlier: [before] });
    const { encode, decode } = await timed(
      { ...request, data: data(5), earlier: [next.state, before] },
      place,
    );
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

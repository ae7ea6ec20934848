// Part of bench/model.ts: streams, in which a model may hold what changed since the step before.
import { createCodec } from '../src/codec/index.js';
import type { EncodeResult } from '../src/codec/types.js';
import type { Mesh } from '../src/protocol/mesh.js';
import { bytesOf, openCase, pointMesh, readField, uniformMesh, type Case } from './lib/data.js';
import { psnrAt, readPeers } from './lib/peers.js';
import { fixed, heading, keep, note, option, quick, table } from './lib/report.js';

const codec = createCodec();

interface Stream {
  from: Case;
  mesh: Mesh;
  field: string;
  /** The four steps that are encoded, the last of which peers.csv has. */
  steps: number[];
  /** Payload bytes of a step. */
  bytes: number;
}

const CASES: { name: string; field: string; last: number; points?: string }[] = [
  { name: 'dns_decay', field: 'u', last: 3 },
  { name: 'dns_decay', field: 'p', last: 3 },
  { name: 'dns_decay', field: 'scalar', last: 3 },
  { name: 'gray_scott', field: 'u', last: 3 },
  { name: 'gray_scott', field: 'v', last: 3 },
  { name: 'openfoam_channel395', field: 'Ux', last: 11, points: 'cell_centres.f32' },
  { name: 'fem_tet', field: 'p', last: 5, points: 'coords.f32' },
];
const RATIOS = quick ? [135] : [100, 135, 400];

/** Encodes all steps in turn, each from the one before; the results of all. */
async function encodeAll(stream: Stream, mayRefer: boolean): Promise<EncodeResult[]> {
  const { from, mesh, field, steps, bytes } = stream;
  const results: EncodeResult[] = [];
  for (const step of steps) {
    const previous = results.at(-1)?.whole;
    results.push(
      await codec.encode({
        mesh,
        association: 'node',
        dtype: 'f32',
        data: bytesOf(readField(from, field, step)),
        target: { bytes },
        ...(previous && { previous, mayRefer }),
      }),
    );
  }
  return results;
}

const each = (results: EncodeResult[], say: (result: EncodeResult) => string) => results.map(say).join(' ');

/** PSNR at the last of four steps beside a peer's rows, which are of that step alone. */
export async function streams(folder: string): Promise<void> {
  heading('M5. Streams: the last of four steps at given sizes per step');
  const peers = readPeers(folder);
  const rows: string[][] = [];
  const wanted = option('field');
  const ratios = option('ratio')?.split(',').map(Number) ?? RATIOS;
  for (const { name, field, last, points } of quick && !wanted ? CASES.slice(0, 1) : CASES) {
    if (wanted && wanted !== `${name} ${field}`) continue;
    const from = openCase(folder, name);
    const mesh = points ? pointMesh(from, points) : uniformMesh(from);
    const raw = readField(from, field, last).byteLength;
    for (const ratio of ratios) {
      const steps = [3, 2, 1, 0].map((before) => last - before);
      const stream = { from, mesh, field, steps, bytes: Math.floor(raw / ratio) };
      const alone = await encodeAll(stream, false);
      const results = await encodeAll(stream, true);
      const { payload, metrics } = results.at(-1)!;
      const size = payload.byteLength;
      const of = (compressor: string, mode: string) =>
        psnrAt(
          peers.filter(
            (row) =>
              row.case === name && row.field === field && row.compressor === compressor && row.mode === mode,
          ),
          size,
        );
      const peer = points ? of('SZ3', 'rel') : of('SPERR', 'ratio');
      keep(rows, [
        `${name} ${field}`,
        String(ratio),
        String(size),
        each(results, (result) => fixed(result.metrics.psnr)),
        each(results, ({ refers, start }) => (refers ? 'changes' : start)),
        each(alone, (result) => fixed(result.metrics.psnr)),
        fixed(peer),
        fixed(peer === undefined ? undefined : metrics.psnr - peer),
        each(results, ({ gaussians }) => String(gaussians)),
        each(results, ({ trainSeconds }) => fixed(trainSeconds, 1)),
      ]);
    }
  }
  table(
    [
      'field',
      'asked',
      'bytes of the last',
      'PSNR dB, four steps',
      'stored as',
      'each step whole, dB',
      'SPERR dB (points: SZ3)',
      'over it',
      'Gaussians',
      'train s',
    ],
    rows,
  );
  note(
    'Each step starts from the one before and may hold changes to it alone; beside it the same chain with payloads that stand alone. SPERR: measured ' +
      'fixed-rate rows of peers.csv, interpolated in log bytes; for points, which SPERR does not do, SZ3 along their order (– outside what was measured).',
  );
}

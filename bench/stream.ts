// Part of bench/model.ts: streams, in which a model may hold what changed since the step before.
import { createCodec } from '../src/codec/index.js';
import type { EncodeResult } from '../src/codec/types.js';
import { bytesOf, openCase, readField, uniformMesh, type Case } from './lib/data.js';
import { psnrAt, readPeers } from './lib/peers.js';
import { fixed, heading, keep, note, quick, table } from './lib/report.js';

const codec = createCodec();

interface Stream {
  from: Case;
  field: string;
  steps: number;
  /** Payload bytes of a step. */
  bytes: number;
}

/** Encodes all steps in turn, each from the one before; the results of all. */
async function encodeAll({ from, field, steps, bytes }: Stream, mayRefer: boolean): Promise<EncodeResult[]> {
  const results: EncodeResult[] = [];
  for (let step = 0; step < steps; step++) {
    const previous = results.at(-1)?.whole;
    results.push(
      await codec.encode({
        mesh: uniformMesh(from),
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

/** PSNR at the last of four steps beside SPERR's fixed-rate rows, which are of that step alone. */
export async function streams(folder: string): Promise<void> {
  heading('M5. Streams: the last of four steps at given sizes per step');
  const peers = readPeers(folder);
  const rows: string[][] = [];
  const cases: [string, string][] = [
    ['dns_decay', 'u'],
    ['dns_decay', 'p'],
    ['dns_decay', 'scalar'],
    ['gray_scott', 'u'],
  ];
  for (const [name, field] of quick ? cases.slice(0, 1) : cases) {
    const from = openCase(folder, name);
    const raw = readField(from, field, 0).byteLength;
    for (const ratio of quick ? [135] : [135, 400]) {
      const stream = { from, field, steps: 4, bytes: Math.floor(raw / ratio) };
      const alone = (await encodeAll(stream, false)).at(-1)!;
      const results = await encodeAll(stream, true);
      const last = results.at(-1)!;
      const sperr = psnrAt(
        peers.filter(
          (row) =>
            row.case === name && row.field === field && row.compressor === 'SPERR' && row.mode === 'ratio',
        ),
        last.payload.byteLength,
      );
      keep(rows, [
        `${name} ${field}`,
        String(ratio),
        String(last.payload.byteLength),
        results.map((result) => fixed(result.metrics.psnr)).join(' '),
        fixed(alone.metrics.psnr),
        fixed(sperr),
        fixed(sperr === undefined ? undefined : last.metrics.psnr - sperr),
        `${results[0]!.gaussians} ${last.gaussians}`,
        `${fixed(results[0]!.trainSeconds, 1)} ${fixed(last.trainSeconds, 1)}`,
      ]);
    }
  }
  table(
    [
      'field',
      'asked',
      'bytes of the last',
      'PSNR dB, steps 0 to 3',
      'last, each step whole',
      'SPERR dB',
      'over SPERR',
      'Gaussians, first and last',
      'train s, first and last',
    ],
    rows,
  );
  note(
    'Each step starts from the one before and may hold changes to it alone; beside it the same chain with payloads that stand alone. SPERR: measured ' +
      'fixed-rate rows of peers.csv, interpolated in log bytes.',
  );
}

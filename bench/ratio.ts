// Figure 1: quality at given sizes, beside SPERR, SZ3 and zfp on the same field.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { createCodec } from '../src/codec/index.js';
import { bytesOf, dataFolder, openCase, psnr, readField, readFloats, uniformMesh } from './lib/data.js';
import { psnrAt, readPeers } from './lib/peers.js';
import { folderBytes, gaussitu, scratch } from './lib/programs.js';
import { fixed, heading, keep, machine, note, quick, table } from './lib/report.js';

const STEP = 3;

interface Inspection {
  steps: {
    step: number;
    fields: { psnr: number; start: string; iterations: number; trainSeconds: number }[];
  }[];
}

/** zfp at a fixed rate: bytes, PSNR and seconds of a whole process; undefined when the program is not installed. */
function zfp(path: string, dims: readonly number[], original: Float32Array, ratio: number, folder: string) {
  const [packed, unpacked] = [join(folder, 'zfp'), join(folder, 'zfp.f32')];
  const began = performance.now();
  const run = spawnSync(
    'zfp',
    [
      '-f',
      '-3',
      ...dims.map(String),
      '-r',
      String(32 / ratio),
      '-i',
      path,
      '-z',
      packed,
      '-o',
      unpacked,
      '-s',
    ],
    { encoding: 'utf8' },
  );
  if (run.status !== 0) return undefined;
  const seconds = (performance.now() - began) / 1000;
  const size = Number(/zfp=(\d+)/.exec(run.stderr)?.[1]);
  return { bytes: size, psnr: psnr(original, readFloats(unpacked)), seconds };
}

const folder = dataFolder();
if (folder) {
  heading('1. Quality at given sizes: dns_decay, step 3, cold start, one step alone');
  const codec = createCodec();
  machine(codec.instructionSet());
  const peers = readPeers(folder);
  const from = openCase(folder, 'dns_decay');
  const temporary = scratch('ratio');
  const rows: string[][] = [];
  for (const field of quick ? ['u'] : ['u', 'p', 'scalar']) {
    const values = readField(from, field, STEP);
    const of = (compressor: string, mode?: string) =>
      peers.filter(
        (row) =>
          row.case === from.name &&
          row.field === field &&
          row.compressor === compressor &&
          (mode === undefined || row.mode === mode),
      );
    for (const ratio of quick ? [100, 400] : [50, 100, 200, 400]) {
      const result = await codec.encode({
        mesh: uniformMesh(from),
        association: 'node',
        dtype: 'f32',
        data: bytesOf(values),
        target: { bytes: Math.floor(values.byteLength / ratio) },
      });
      const size = result.payload.byteLength;
      const other = zfp(join(from.path, `${field}_003.f32`), from.dims!, values, ratio, temporary);
      keep(rows, [
        field,
        String(ratio),
        fixed(values.byteLength / size, 1),
        String(size),
        fixed(result.metrics.psnr),
        fixed(psnrAt(of('SPERR', 'ratio'), size)),
        fixed(psnrAt(of('SZ3'), size)),
        other ? `${fixed(other.psnr)} at ${fixed(values.byteLength / other.bytes, 0)}:1` : '–',
        String(result.gaussians),
        String(result.iterations),
        fixed(result.trainSeconds, 1),
      ]);
    }
  }
  table(
    [
      'field',
      'asked',
      'ratio',
      'bytes',
      'PSNR dB',
      'SPERR dB',
      'SZ3 dB',
      'zfp dB',
      'Gaussians',
      'iterations',
      'train s',
    ],
    rows,
  );
  note(
    'Bytes are those of the payload. SPERR (fixed size) and SZ3 (strict bounds) are the measured rows of peers.csv, ' +
      'interpolated in log bytes to the same size; zfp was run now, at its nearest fixed rate.',
  );

  heading('1b. A 4-step run of dns_decay u at 135:1, every byte on disk counted');
  const run = join(temporary, 'run');
  const began = performance.now();
  gaussitu('replay', from.path, '--out', run, '--fields', 'u', '--ratio', '135');
  const seconds = (performance.now() - began) / 1000;
  gaussitu('verify', run, '--against', from.path);
  const { steps } = JSON.parse(gaussitu('inspect', run, '--json')) as Inspection;
  table(
    ['step', 'PSNR dB', 'start', 'iterations', 'train s'],
    steps.map(({ step, fields: [f] }) => [
      step,
      fixed(f!.psnr),
      f!.start,
      f!.iterations,
      fixed(f!.trainSeconds, 1),
    ]),
  );
  const raw = steps.length * readField(from, 'u', 0).byteLength;
  const stored = folderBytes(run);
  const mean =
    -10 * Math.log10(steps.reduce((sum, s) => sum + 10 ** (-s.fields[0]!.psnr / 10), 0) / steps.length);
  note(
    `${raw} bytes to ${stored} on disk: **${fixed(raw / stored, 1)}:1 at ${fixed(mean)} dB** (mean square error over the ` +
      `steps), ${fixed(seconds, 1)} s for the whole command; \`gaussitu verify\` found every value as certified.`,
  );
}

// Part of bench/model.ts: seconds and memory against points and Gaussians. Each encode has a process of its own, whose
// largest resident memory is what counts.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { createCodec } from '../src/codec/index.js';
import type { Mesh } from '../src/protocol/mesh.js';
import { bytesOf } from './lib/data.js';
import { fixed, heading, keep, note, option, quick, table } from './lib/report.js';

const ITERATIONS = 4;
const KINDS = ['grid', 'points', 'hexahedra'];
const SIDES = quick ? [46, 100] : [46, 100, 216];
/** Points for each Gaussian. */
const SHARES = quick ? [250] : [1000, 250, 64];

interface Run {
  seconds: number;
  iteration: number;
  before: number;
  peak: number;
}

const wave = (x: number, y: number, z: number) =>
  Math.sin(0.2 * x + 0.1 * y) + Math.cos(0.26 * y - 0.14 * z) * Math.sin(0.007 * z * x);

/** A cube of side^3 nodes, for points and hexahedra moved by up to 0.3 of their distance. */
function cube(kind: string, side: number): { mesh: Mesh; values: Float32Array } {
  const values = new Float32Array(side ** 3);
  const points = kind === 'grid' ? new Float32Array(0) : new Float32Array(3 * side ** 3);
  let seed = 1;
  const moved = (at: number) => {
    if (kind === 'grid') return at;
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return at + 0.6 * (seed / 2 ** 32 - 0.5);
  };
  for (let i = 0, z = 0; z < side; z++)
    for (let y = 0; y < side; y++)
      for (let x = 0; x < side; x++, i++) {
        const at = [moved(x), moved(y), moved(z)] as const;
        values[i] = wave(...at);
        if (kind !== 'grid') points.set(at, 3 * i);
      }
  if (kind === 'grid')
    return {
      values,
      mesh: { kind: 'uniform', dims: [side, side, side], origin: [0, 0, 0], spacing: [1, 1, 1] },
    };
  return { values, mesh: kind === 'points' ? { kind: 'points', points } : hexahedra(side, points) };
}

function hexahedra(side: number, points: Float32Array): Mesh {
  const cells = (side - 1) ** 3;
  const connectivity = new Int32Array(8 * cells);
  const [dy, dz] = [side, side * side];
  const corners = [0, 1, 1 + dy, dy, dz, 1 + dz, 1 + dy + dz, dy + dz];
  for (let i = 0, z = 0; z < side - 1; z++)
    for (let y = 0; y < side - 1; y++)
      for (let x = 0; x < side - 1; x++)
        for (const corner of corners) connectivity[i++] = (z * side + y) * side + x + corner;
  const offsets = new Int32Array(cells + 1);
  for (let c = 0; c <= cells; c++) offsets[c] = 8 * c;
  return { kind: 'unstructured', points, connectivity, offsets, types: new Uint8Array(cells).fill(12) };
}

const resident = () => process.memoryUsage().rss / 2 ** 20;

async function encodeOnce(kind: string, side: number, gaussians: number): Promise<Run> {
  const codec = createCodec();
  const { mesh, values } = cube(kind, side);
  const before = resident();
  const began = performance.now();
  const { trainSeconds, iterations } = await codec.encode({
    mesh,
    association: 'node',
    dtype: 'f32',
    data: bytesOf(values),
    target: { gaussians },
    iterations: ITERATIONS,
  });
  return {
    seconds: (performance.now() - began) / 1000,
    iteration: trainSeconds / iterations,
    before,
    peak: process.resourceUsage().maxRSS / 1024,
  };
}

/** encodeOnce() in a process of its own. */
function apart(kind: string, side: number, gaussians: number): Run {
  const out = execFileSync(
    process.execPath,
    [...process.execArgv, fileURLToPath(import.meta.url), `--run=${kind},${side},${gaussians}`],
    { encoding: 'utf8' },
  );
  return JSON.parse(out) as Run;
}

/** What --NAME=1,2 asks for, or all. */
const chosen = (name: string, all: number[]) => option(name)?.split(',').map(Number) ?? all;

/** --kind=grid, --side=216 and --share=250 (points per Gaussian): these alone. */
export function growth(): void {
  heading('M4. Growth');
  const rows: string[][] = [];
  for (const kind of option('kind')?.split(',') ?? KINDS)
    for (const side of chosen('side', SIDES))
      for (const share of chosen('share', SHARES)) {
        const points = side ** 3;
        const gaussians = Math.round(points / share);
        const { seconds, iteration, before, peak } = apart(kind, side, gaussians);
        keep(rows, [
          kind,
          fixed(points / 1e6, 2),
          String(gaussians),
          fixed(iteration, 3),
          fixed((1e9 * iteration) / points, 0),
          fixed(seconds, 1),
          fixed((1e6 * seconds) / points, 1),
          fixed(before, 0),
          fixed(peak, 0),
          fixed(((peak - before) * 2 ** 20) / points, 0),
        ]);
      }
  table(
    [
      'samples',
      'M points',
      'Gaussians',
      's per iteration',
      'ns per point',
      'all s',
      'µs per point',
      'MiB before',
      'MiB peak',
      'bytes per point',
    ],
    rows,
  );
  note(
    `A synthetic field on cubes of nodes, points and hexahedra with nodes moved at random; ${ITERATIONS} iterations, then quantisation, coding, verification ` +
      '(all s). Memory is resident memory of a process of its own, before: the mesh and the field in it; bytes per point: what encoding adds. Hexahedra train on as ' +
      'many points again inside cells, and on a quarter as many outside where there is an outside within the box.',
  );
}

const one = option('run')?.split(',');
if (one) {
  const [kind, side, gaussians] = one;
  console.log(JSON.stringify(await encodeOnce(kind!, Number(side), Number(gaussians))));
}

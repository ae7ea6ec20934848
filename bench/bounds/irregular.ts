/** Cells that are no lattice: the channel with its nodes moved, thinner and bent. */
import type { BoundedPlace } from '../../src/codec/index.js';
import type { UnstructuredMesh } from '../../src/protocol/mesh.js';
import { openCase } from '../lib/data.js';
import type { PeerRow } from '../lib/peers.js';
import { fixed, heading, note, table } from '../lib/report.js';
import { code, geometricMean, peerBytes, unstructured } from './shared.js';

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

export async function irregular(folder: string, peers: PeerRow[]): Promise<void> {
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

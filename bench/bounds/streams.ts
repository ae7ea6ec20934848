/** Streams: the last step after those before it, as payloads and as files of whole runs. */
import { join } from 'node:path';
import type { Inspection } from '../../src/archive/inspect.js';
import type { BoundedPlace } from '../../src/codec/index.js';
import { openCase, uniformMesh, unpacked, type Case } from '../lib/data.js';
import type { PeerRow } from '../lib/peers.js';
import { gaussitu, scratch } from '../lib/programs.js';
import { fixed, heading, table } from '../lib/report.js';
import { UNSTRUCTURED, code, peerBytes, unstructured } from './shared.js';

export async function streams(folder: string, peers: PeerRow[]): Promise<void> {
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

export async function wholeRuns(folder: string, peers: PeerRow[]): Promise<void> {
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

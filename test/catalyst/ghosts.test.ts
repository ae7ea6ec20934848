import { describe, expect, it } from 'vitest';
import { Host, bytesOf, mesh, open, ramp, serve, step, temporaryFolder, type Tree } from './host.js';
import { points, uniform } from './topologies.js';

const GHOST = 1000; // far outside the range of the real values

async function store(channels: Tree, config?: string) {
  const folder = await temporaryFolder();
  const { service, endpoint, out } = await serve(folder, config);
  const host = Host.start(folder);
  expect(await host.initialize({ endpoint, run: 'test' })).toBe(0);
  expect(await host.execute(step(0, channels))).toBe(0);
  expect(await host.finalize()).toBe(0);
  expect(await host.results()).toMatchObject({ fields_skipped: 0, steps_acknowledged: 1 });
  expect(await service.exited).toBe(0);
  return open(out);
}

/** A grid of n³ cells with smooth cell and node values; those that `ghost` names are GHOST. */
function grid(n: number, ghost: (i: number, j: number, k: number) => boolean) {
  const marks = new Uint8Array(n ** 3);
  const cells = new Float32Array(n ** 3);
  const nodes = new Float32Array((n + 1) ** 3).fill(GHOST);
  for (let k = 0; k < n; k++) {
    for (let j = 0; j < n; j++) {
      for (let i = 0; i < n; i++) {
        const at = i + n * (j + n * k);
        marks[at] = ghost(i, j, k) ? 1 : 0;
        cells[at] = marks[at] ? GHOST : Math.sin(0.4 * i) + Math.cos(0.3 * j + 0.2 * k);
        if (marks[at]) continue;
        for (let c = 0; c < 8; c++) {
          const [x, y, z] = [i + (c & 1), j + ((c >> 1) & 1), k + (c >> 2)] as [number, number, number];
          nodes[x + (n + 1) * (y + (n + 1) * z)] = Math.sin(0.4 * x) + Math.cos(0.3 * y + 0.2 * z);
        }
      }
    }
  }
  return { marks, cells, nodes, real: nodes.map((v) => (v === GHOST ? 0 : 1)) };
}

function channel(
  n: number,
  made: ReturnType<typeof grid>,
  name = 'vtkGhostType',
  marks: Tree[string] = made.marks,
): Tree {
  return mesh({
    ...uniform([n + 1, n + 1, n + 1]),
    fields: {
      [name]: { association: 'element', topology: 'topo', values: marks },
      e: { association: 'element', topology: 'topo', values: made.cells },
      v: { association: 'vertex', topology: 'topo', values: made.nodes },
    },
  });
}

describe('ghost cells', () => {
  it('whole layers of a grid become ghost layers: not stored', async () => {
    const n = 6;
    const made = grid(n, (i, j) => i === 0 || j >= n - 2);
    const floats = Float64Array.from(made.marks); // as Ascent's simulations give them
    const stored = await store({ grid: channel(n, made, 'ascent_ghosts', floats) });
    const block = await stored.archive.readMesh('grid', 0, 0);
    expect(block).toMatchObject({ ghost: [1, 0, 0, 2, 0, 0] });
    expect(block?.ghosts).toBeUndefined();
    const cells = made.cells.filter((v) => v !== GHOST);
    expect(cells.length).toBe(5 * 4 * 6);
    expect(Buffer.from(await stored.field(0, 'e')).equals(Buffer.from(bytesOf(cells)))).toBe(true);
    const nodes = made.nodes.filter((v) => v !== GHOST);
    expect(Buffer.from(await stored.field(0, 'v')).equals(Buffer.from(bytesOf(nodes)))).toBe(true);
    expect(await stored.names(0)).toEqual(['grid/0/e', 'grid/0/v']);
  });

  it.each([
    // How, run file, kind, largest error of real values (undefined: what is certified), largest decoded value.
    ['stored bit for bit', '{match: "*", model: false}', /lossless/, 0, GHOST],
    // A model that had seen the ghosts would bend towards 1000.
    ['at a rate', '{match: "*", psnr: 40}', /gaussian|bounded/, undefined, 10],
    ['within a bound', '{match: "*", abs: 0.001}', /bounded/, 0.001, 3],
  ] as const)(
    'anything else is kept as marks; no statistics or model sees the values: %s',
    async (_, field, kind, bound, most) => {
      const n = 9;
      const made = grid(n, (i, j, k) => i + j + k < 5);
      const stored = await store({ grid: channel(n, made) }, `fields:\n  - ${field}\n`);
      const block = await stored.archive.readMesh('grid', 0, 0);
      expect(block?.ghost).toBeUndefined();
      expect(Buffer.from(block!.ghosts!.cell!).equals(Buffer.from(made.marks))).toBe(true);
      // Nodes of no real cell.
      expect(block!.ghosts!.node!.map((m) => (m ? 0 : 1))).toEqual(Uint8Array.from(made.real));
      for (const { name, kind: stored_, certificate } of (await stored.archive.readStep(0)).fields) {
        expect(stored_).toMatch(kind);
        expect(certificate.valueMax).toBeLessThan(3);
        const original = name === 'e' ? made.cells : made.nodes;
        const decoded = new Float32Array((await stored.field(0, name)).buffer);
        const errors = original.map((v, i) => (v === GHOST ? 0 : Math.abs(decoded[i]! - v)));
        expect(Math.max(...errors)).toBeLessThanOrEqual(bound ?? certificate.maxError * (1 + 1e-6));
        expect(Math.max(...decoded.filter(Number.isFinite))).toBeLessThanOrEqual(most);
      }
    },
  );

  it('unstructured: marks of cells, and of the nodes that only those have', async () => {
    const data = {
      coordsets: { coords: points(6) },
      topologies: {
        topo: {
          type: 'unstructured',
          coordset: 'coords',
          elements: { shape: 'tri', connectivity: Int32Array.of(0, 1, 2, 1, 2, 3, 2, 3, 4) },
        },
      },
      fields: {
        vtkGhostType: { association: 'element', topology: 'topo', values: Uint8Array.of(0, 0, 32) },
        e: { association: 'element', topology: 'topo', values: Float64Array.of(1, 2, GHOST) },
        v: { association: 'vertex', topology: 'topo', values: ramp(Float64Array, 6) },
      },
    };
    const stored = await store({ tri: mesh(data) });
    const block = await stored.archive.readMesh('tri', 0, 0);
    expect([...block!.ghosts!.cell!]).toEqual([0, 0, 32]);
    expect([...block!.ghosts!.node!]).toEqual([0, 0, 0, 0, 1, 0]); // node 5 has no cell at all: real
    const { fields } = await stored.archive.readStep(0);
    expect(fields.find((f) => f.name === 'e')?.certificate).toMatchObject({ valueMin: 1, valueMax: 2 });
  });

  it('marks of nodes are marks: a plane that two blocks share does not cost a layer of cells', async () => {
    const marks = Uint8Array.from({ length: 27 }, (_, i) => (i % 3 === 2 ? 1 : 0));
    const data = {
      ...uniform([3, 3, 3]),
      fields: {
        vtkGhostType: { association: 'vertex', topology: 'topo', values: marks },
        e: { association: 'element', topology: 'topo', values: ramp(Float32Array, 8) },
      },
    };
    const stored = await store({ grid: mesh(data) });
    const block = await stored.archive.readMesh('grid', 0, 0);
    expect(block?.ghost).toBeUndefined();
    expect([...block!.ghosts!.node!]).toEqual([...marks]);
    expect((await stored.field(0, 'e')).length).toBe(32);
  });
});

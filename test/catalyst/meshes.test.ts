import { readFile, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { TestService } from '../client/service.js';
import {
  Host,
  KINDS,
  Layout,
  bytesOf,
  dtypeOf,
  mesh,
  missing,
  open,
  ramp,
  serve,
  step,
  temporaryFolder,
  type HostKind,
  type Numbers,
  type Tree,
} from './host.js';
import { CASES, everyTopology, layout, points, uniform, withFields } from './topologies.js';

/** Plays steps in one host against a real service; everything must have been taken. */
async function play(kind: HostKind, steps: Tree[], settings: Tree = {}, config?: string) {
  const folder = await temporaryFolder();
  const { service, endpoint, out } = await serve(folder, config);
  const host = Host.start(folder, { kind });
  expect(await host.initialize({ endpoint, run: 'test', ...settings })).toBe(0);
  for (const one of steps) expect(await host.execute(one)).toBe(0);
  const before = await host.results();
  expect(await host.finalize()).toBe(0);
  const results = await host.results();
  expect(results).toMatchObject({ steps_acknowledged: steps.length, steps_dropped: 0, steps_pending: 0 });
  expect(await service.exited).toBe(0);
  return { stored: await open(out), results, before, host, out };
}

function same(actual: Uint8Array, expected: Numbers): void {
  expect(Buffer.from(actual).equals(Buffer.from(bytesOf(expected)))).toBe(true);
}

const domain = (seed: number, id?: number): Tree => ({
  ...withFields(uniform([3, 3, 3]), 27, 8, seed),
  ...(id === undefined ? {} : { state: { domain_id: id } }),
});

const patch = (id: number, level: number, dims: number[], other: number, type: string): Tree => ({
  ...withFields(
    uniform(dims, { spacing: { dx: 1 / 2 ** level, dy: 1 / 2 ** level, dz: 1 / 2 ** level } }),
    dims.reduce((a, b) => a * b, 1),
    dims.reduce((a, b) => a * (b - 1), 1),
    id,
  ),
  state: { domain_id: id, level },
  nestsets: {
    nest: {
      association: 'element',
      topology: 'topo',
      windows: {
        w0: {
          domain_id: other,
          domain_type: type,
          ratio: { i: 2, j: 2, k: 2 },
          origin: { i: level === 0 ? 1 : 0, j: 0, k: 0 },
          dims: { i: level === 0 ? 2 : 4, j: 2, k: 2 },
        },
      },
    },
  },
});

describe.each(KINDS)('host with Conduit: %s', (kind) => {
  it('every topology comes back bit for bit, fields and mesh', async ({ skip }) => {
    skip(missing(kind), 'no Catalyst found (CATALYST_PREFIX)');
    const { stored, results } = await play(kind, [step(0, everyTopology()), step(3, everyTopology(1))]);
    expect(results).toMatchObject({ fields_skipped: 0 });
    for (const [name, { kind: meshKind, nodes, cells, types, connectivity }] of Object.entries(CASES)) {
      for (const [number, seed] of [
        [0, 0],
        [3, 1],
      ] as const) {
        same(await stored.field(number, 'v', { mesh: name }), ramp(Float64Array, nodes, seed));
        if (cells > 0) same(await stored.field(number, 'e', { mesh: name }), ramp(Float32Array, cells, seed));
      }
      const block = await stored.archive.readMesh(name, 0, 3);
      expect([name, block?.mesh.kind]).toEqual([name, meshKind]);
      if (block?.mesh.kind !== 'unstructured') continue;
      expect([name, ...block.mesh.types]).toEqual([name, ...types!]);
      expect([name, ...[...block.mesh.connectivity].map(Number)]).toEqual([name, ...connectivity!]);
    }
    const { mesh: polyhedra } = (await stored.archive.readMesh('polyhedral', 0, 0))!;
    expect(polyhedra.kind === 'unstructured' && [...polyhedra.faces!].map(Number)).toEqual([
      4, 3, 0, 1, 2, 3, 0, 1, 3, 3, 1, 2, 3, 3, 0, 2, 3, 4, 3, 0, 1, 2, 3, 0, 1, 4, 3, 1, 2, 4, 3, 0, 2, 4,
    ]);
    const { mesh: mixed } = (await stored.archive.readMesh('mixed', 0, 0))!;
    expect(mixed.kind === 'unstructured' && [...mixed.faceOffsets!].map(Number)).toEqual([0, 0, 17, 17]);
    const { mesh: image } = (await stored.archive.readMesh('uniform3d', 0, 0))!;
    expect(image).toMatchObject({ dims: [5, 4, 3], origin: [1.5, -2, 0.25], spacing: [0.5, 0.25, 2] });
    const { mesh: axes } = (await stored.archive.readMesh('rectilinear', 0, 0))!;
    expect(axes).toMatchObject({ x: Float64Array.of(0, 1, 3, 6), y: Float64Array.of(0, 2, 3) });
    const { mesh: cloud } = (await stored.archive.readMesh('points', 0, 0))!;
    const xyz = [1, 2, 3].map((seed) => ramp(Float64Array, 13, seed));
    expect(cloud.kind === 'points' && [...cloud.points]).toEqual(
      Array.from({ length: 39 }, (_, i) => xyz[i % 3]![Math.floor(i / 3)]),
    );
    // Nodes 1..3 of each of three rows of six, from row 1 on.
    const { mesh: strided } = (await stored.archive.readMesh('strided', 0, 0))!;
    expect(strided.kind === 'curvilinear' && [...strided.points].filter((_, i) => i % 3 === 0)).toEqual(
      [7, 8, 9, 13, 14, 15, 19, 20, 21].map((i) => ramp(Float64Array, 60, 1)[i]),
    );
    const times = await Promise.all([0, 3].map(async (n) => (await stored.archive.readStep(n)).time));
    expect(times).toEqual([0, 1.5]);
  });

  it('all ten number types in every layout', async ({ skip }) => {
    skip(missing(kind), 'no Catalyst found (CATALYST_PREFIX)');
    const n = 24;
    const arrays = [
      Float32Array, Float64Array, Int8Array, Uint8Array, Int16Array, Uint16Array, Int32Array, Uint32Array,
      BigInt64Array, BigUint64Array,
    ].map((type, i) => ramp(type as new (length: number) => Numbers, n, i)); // prettier-ignore
    const fields: Tree = {};
    const on = { association: 'element', topology: 'topo' };
    for (const array of arrays) {
      const size = array.BYTES_PER_ELEMENT;
      const name = dtypeOf(array);
      for (const [how, options] of Object.entries({
        plain: {},
        strided: { stride: 3 * size },
        offset: { offset: 5 * size },
        odd: { stride: size + 3, offset: 1, misalign: 1 },
        big: { big: true },
      })) {
        fields[`${name}_${how}`] = { ...on, values: layout(array, options) };
      }
      // Interleaved: one memory, three components.
      const memory = new Uint8Array(3 * n * size);
      for (let i = 0; i < 3 * n; i++) {
        memory.set(bytesOf(array).subarray((i % n) * size, ((i % n) + 1) * size), i * size);
      }
      const part = (c: number) => new Layout(name, memory, n, { offset: c * size, stride: 3 * size });
      fields[`${name}_aos`] = { ...on, values: { x: part(0), y: part(1), z: part(2) } };
      fields[`${name}_soa`] = { ...on, values: { x: array, y: layout(array, { big: true }) } };
    }
    fields['mixture'] = { ...on, values: { a: arrays[0]!, b: arrays[6]! } };
    fields['reversed'] = {
      ...on,
      values: new Layout('f64', bytesOf(arrays[1]!), n, { offset: 8 * (n - 1), stride: -8 }),
    };
    const { stored, results } = await play(kind, [
      step(0, { grid: mesh({ ...uniform([5, 4, 3]), fields }) }),
    ]);
    expect(results).toMatchObject({ fields_skipped: 0 });
    for (const array of arrays) {
      const name = dtypeOf(array);
      for (const how of ['plain', 'strided', 'offset', 'odd', 'big', 'soa_x', 'soa_y']) {
        same(await stored.field(0, `${name}_${how}`), array);
      }
      const all = [...array] as (number | bigint)[];
      for (const [c, axis] of ['x', 'y', 'z'].entries()) {
        const expected = all.map((_, i) => all[(3 * i + c) % n]!);
        const bytes = new (array.constructor as new (of: (number | bigint)[]) => Numbers)(expected);
        same(await stored.field(0, `${name}_aos_${axis}`), bytes);
      }
    }
    const { fields: rows } = await stored.archive.readStep(0);
    const dtypes = new Map(rows.map((f) => [f.name, f.dtype]));
    for (const array of arrays) expect(dtypes.get(`${dtypeOf(array)}_odd`)).toBe(dtypeOf(array));
    same(await stored.field(0, 'mixture_x'), Float64Array.from(arrays[0]! as Float32Array));
    same(await stored.field(0, 'mixture_y'), Float64Array.from(arrays[6]! as Int32Array));
    same(await stored.field(0, 'reversed'), (arrays[1]! as Float64Array).toReversed());
  });

  it('domains, multimesh, several topologies: blocks and names', async ({ skip }) => {
    skip(missing(kind), 'no Catalyst found (CATALYST_PREFIX)');
    const two = {
      coordsets: { coords: points(6) },
      topologies: {
        body: { type: 'points', coordset: 'coords' },
        skin: {
          type: 'unstructured',
          coordset: 'coords',
          elements: { shape: 'tri', connectivity: Int32Array.of(0, 1, 2, 3, 4, 5) },
        },
      },
      fields: {
        q: { association: 'vertex', topology: 'body', values: ramp(Float32Array, 6, 1) },
        s: { association: 'element', topology: 'skin', values: ramp(Float32Array, 2, 2) },
      },
    };
    const { stored } = await play(kind, [
      step(0, {
        list: mesh([domain(1), domain(2)]),
        object: mesh({ west: domain(3, 40), east: domain(4, 7) }),
        multi: mesh({ air: domain(5, 2), sea: domain(6) }, 'multimesh'),
        two: mesh(two),
        elsewhere: mesh({ anything: 1 }, 'ioss'),
      }),
    ]);
    expect((await stored.names(0)).filter((name) => name.endsWith('/v'))).toEqual([
      'list/0/v', 'list/1/v', 'multi.air/2/v', 'multi.sea/0/v', 'object/40/v', 'object/7/v',
    ]); // prettier-ignore
    for (const [name, block, seed] of [
      ['list', 0, 1],
      ['list', 1, 2],
      ['object', 40, 3],
      ['object', 7, 4],
      ['multi.air', 2, 5],
      ['multi.sea', 0, 6],
    ] as const) {
      same(await stored.field(0, 'v', { mesh: name, block }), ramp(Float64Array, 27, seed));
    }
    same(await stored.field(0, 'q', { mesh: 'two.body' }), ramp(Float32Array, 6, 1));
    same(await stored.field(0, 's', { mesh: 'two.skin' }), ramp(Float32Array, 2, 2));
  });

  it('amrmesh: patches keep level and nesting', async ({ skip }) => {
    skip(missing(kind), 'no Catalyst found (CATALYST_PREFIX)');
    const amr = { d0: patch(0, 0, [5, 5, 5], 8, 'child'), d8: patch(8, 1, [5, 5, 5], 0, 'parent') };
    const { stored } = await play(kind, [step(0, { amr: mesh(amr, 'amrmesh') })]);
    const coarse = await stored.archive.readMesh('amr', 0, 0);
    const fine = await stored.archive.readMesh('amr', 8, 0);
    expect(coarse?.level).toBe(0);
    expect(fine?.level).toBe(1);
    expect([...coarse!.nesting!].map(Number)).toEqual([8, 1, 2, 2, 2, 1, 0, 0, 2, 2, 2]);
    expect([...fine!.nesting!].map(Number)).toEqual([0, 0, 2, 2, 2, 0, 0, 0, 4, 2, 2]);
    same(await stored.field(0, 'e', { block: 8 }), ramp(Float32Array, 64, 8));
    // Without --block the patches come one after the other; they do not form one grid.
    const all = await stored.field(0, 'v');
    expect(
      Buffer.from(all).equals(Buffer.concat([0, 8].map((s) => bytesOf(ramp(Float64Array, 125, s))))),
    ).toBe(true);
  });
});

describe('meshes over time', () => {
  it('a mesh is sent once, and again only when its contents change', async () => {
    const n = 300;
    const memory = bytesOf(ramp(Float64Array, 3 * n, 1));
    const moved = bytesOf(ramp(Float64Array, 3 * n, 2));
    const folder = await temporaryFolder();
    const { service, endpoint, out } = await serve(folder);
    const host = Host.start(folder);
    expect(await host.initialize({ endpoint, run: 'test' })).toBe(0);
    const xyz = (c: number) => new Layout('f64', memory, n, { offset: 8 * c, stride: 24, id: 'coords' });
    const at = (number: number): Tree => ({
      catalyst: step(number, {
        cloud: mesh({
          coordsets: { coords: { type: 'explicit', values: { x: xyz(0), y: xyz(1), z: xyz(2) } } },
          topologies: { topo: { type: 'points', coordset: 'coords' } },
          fields: { v: { association: 'vertex', topology: 'topo', values: ramp(Float32Array, n, number) } },
        }),
      }),
    });
    for (const number of [0, 1, 2]) {
      host.tree(at(number)); // the same numbers, now elsewhere in memory
      expect((await host.call('execute')).status).toBe(0);
    }
    // The same memory, other numbers in it: nothing but the contents tells.
    host.tree(at(3));
    await writeFile(`${folder}/moved.bin`, moved);
    host.write(`load coords ${folder}/moved.bin`);
    expect((await host.call('execute')).status).toBe(0);
    expect(await host.finalize()).toBe(0);
    expect(await service.exited).toBe(0);
    const stored = await open(out);
    const { meshes } = JSON.parse(await readFile(`${out}/run.json`, 'utf8')) as {
      meshes: { after: number }[];
    };
    expect(meshes.map((m) => m.after)).toEqual([-1, 2]);
    for (const [number, bytes] of [
      [2, memory],
      [3, moved],
    ] as const) {
      const block = await stored.archive.readMesh('cloud', 0, number);
      same(bytes, block!.mesh.kind === 'points' ? block!.mesh.points : new Float64Array());
    }
  });

  it('the service is sent no mesh bytes for a static mesh', async () => {
    const folder = await temporaryFolder();
    let meshes = 0;
    const service = await TestService.start({
      intercept: (_, __, message) => {
        if (message.t === 'mesh') meshes++;
        return false;
      },
    });
    const host = Host.start(folder);
    expect(await host.initialize({ endpoint: service.endpoint, run: 'test' })).toBe(0);
    for (const number of [0, 1, 2, 3]) {
      expect(
        await host.execute(step(number, { hex: mesh(withFields(CASES['hex']!.data, 17, 5, number)) })),
      ).toBe(0);
    }
    expect(await host.finalize()).toBe(0);
    expect(service.violations).toEqual([]);
    expect(meshes).toBe(1);
  });
});

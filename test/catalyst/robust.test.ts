import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { until } from '../client/service.js';
import {
  Host,
  Layout,
  Wild,
  bytesOf,
  mesh,
  open,
  ramp,
  serve,
  step,
  temporaryFolder,
  type Tree,
} from './host.js';
import { CASES, layout, points, uniform, withFields } from './topologies.js';

const good = () => withFields(uniform([3, 3, 3]), 27, 8);
const on = { association: 'vertex', topology: 'topo' };
function grid(fields: Tree): Tree {
  return mesh({ ...uniform([3, 3, 3]), fields });
}
function cells(elements: Tree, more: Tree = {}): Tree {
  return mesh({
    coordsets: { coords: points(5) },
    topologies: { topo: { type: 'unstructured', coordset: 'coords', elements, ...more } },
    fields: { v: { ...on, values: ramp(Float32Array, 5) } },
  });
}
const values = ramp(Float64Array, 27);

/** Channel → what the log must say of it. */
const BAD: Record<string, [Tree, RegExp]> = {
  no_type: [{ data: good() }, /channels\/no_type: expected a string type, it is missing/],
  type_number: [{ type: 7, data: good() }, /expected a string type, received something else/],
  no_data: [{ type: 'mesh' }, /no_data: skipped, it has no data/],
  fides: [mesh(good(), 'fides'), /channels of type "fides" are not supported/],
  not_a_mesh: [mesh({ a: { b: 1 } }), /not_a_mesh\/data\/a: skipped, it has no coordsets/],
  no_topologies: [mesh({ coordsets: { coords: points(3) } }), /it has no topologies/],
  no_coordset: [
    mesh({ ...good(), topologies: { topo: { type: 'uniform', coordset: 'other' } } }),
    /there is no coordset "other"/,
  ],
  strange_topology: [
    mesh({ ...good(), topologies: { topo: { type: 'spectral', coordset: 'coords' } } }),
    /a topology of type "spectral"/,
  ],
  text_dims: [
    mesh({ ...good(), coordsets: { coords: { type: 'uniform', dims: { i: 'three' } } } }),
    /dims\/i: expected a whole number/,
  ],
  negative_dims: [
    mesh({ ...good(), coordsets: { coords: { type: 'uniform', dims: { i: -3 } } } }),
    /dims\/i: expected a whole number of 1 or more/,
  ],
  huge_dims: [
    mesh({ ...good(), coordsets: { coords: { type: 'uniform', dims: { i: 1e9, j: 1e9, k: 1e9 } } } }),
    /expected 1 to 2\^40 nodes/,
  ],
  uneven_coordinates: [
    mesh({
      coordsets: {
        coords: { type: 'explicit', values: { x: ramp(Float64Array, 5), y: ramp(Float64Array, 4) } },
      },
      topologies: { topo: { type: 'points', coordset: 'coords' } },
      fields: { v: { ...on, values: ramp(Float32Array, 5) } },
    }),
    /expected coordinates of one length, received 5 and 4/,
  ],
  nan_coordinate: [
    mesh({
      coordsets: {
        coords: { type: 'uniform', dims: { i: 3 }, spacing: { dx: Float64Array.of(Number.NaN) } },
      },
      topologies: { topo: { type: 'uniform', coordset: 'coords' } },
      fields: { v: { ...on, values: ramp(Float32Array, 3) } },
    }),
    /expected a finite origin and a spacing above 0/,
  ],
  structured_dims: [
    mesh({
      ...CASES['structured']!.data,
      topologies: { topo: { type: 'structured', coordset: 'coords', elements: { dims: { i: 7, j: 7 } } } },
      fields: { v: { ...on, values: ramp(Float32Array, 64) } },
    }),
    /expected 64 coordinates for its elements\/dims, received 24/,
  ],
  strides_beyond: [
    mesh({
      coordsets: { coords: points(8) },
      topologies: {
        topo: {
          type: 'structured',
          coordset: 'coords',
          elements: { dims: { i: 1, j: 1, strides: Int32Array.of(1, 900) } },
        },
      },
      fields: { v: { ...on, values: ramp(Float32Array, 4) } },
    }),
    /expected offsets and strides within the 8 coordinates, they reach 902/,
  ],
  no_shape: [cells({ connectivity: Int32Array.of(0, 1, 2) }), /expected a string shape|no cells|expected 0/],
  strange_shape: [
    cells({ shape: 'torus', connectivity: Int32Array.of(0) }),
    /there is no cell shape "torus"/,
  ],
  odd_connectivity: [
    cells({ shape: 'tet', connectivity: Int32Array.of(0, 1, 2) }),
    /connectivity of 4 per tet, received 3/,
  ],
  float_connectivity: [cells({ shape: 'tri', connectivity: Float32Array.of(0, 1, 2) }), /expected integers/],
  beyond: [
    cells({ shape: 'tri', connectivity: Int32Array.of(0, 1, 5) }),
    /expected a node index below 5, received 5/,
  ],
  negative: [
    cells({ shape: 'tri', connectivity: Int32Array.of(0, 1, -1) }),
    /expected an index of 0 or more, received -1/,
  ],
  no_sizes: [
    cells({ shape: 'polygonal', connectivity: Int32Array.of(0, 1, 2) }),
    /expected sizes for polygonal cells/,
  ],
  lying_sizes: [
    cells({ shape: 'polygonal', connectivity: Int32Array.of(0, 1, 2), sizes: Int32Array.of(9) }),
    /expected it to lie within the connectivity of 3, received 9 indices from 0/,
  ],
  lying_offsets: [
    cells({
      shape: 'polygonal',
      connectivity: Int32Array.of(0, 1, 2),
      sizes: Int32Array.of(3),
      offsets: BigInt64Array.of(2n ** 62n),
    }),
    /expected it to lie within the connectivity/,
  ],
  no_subelements: [
    cells({ shape: 'polyhedral', connectivity: Int32Array.of(0), sizes: Int32Array.of(1) }),
    /expected subelements for its polyhedra/,
  ],
  face_beyond: [
    cells(
      { shape: 'polyhedral', connectivity: Int32Array.of(0, 4), sizes: Int32Array.of(2) },
      { subelements: { shape: 'tri', connectivity: Int32Array.of(0, 1, 2) } },
    ),
    /expected faces below 1, received 4/,
  ],
  unknown_shape_number: [
    cells({
      shape: 'mixed',
      shape_map: { tri: 5 },
      shapes: Uint8Array.of(6),
      sizes: Int32Array.of(3),
      connectivity: Int32Array.of(0, 1, 2),
    }),
    /expected a number of the shape_map/,
  ],
  ghosts_length: [
    grid({
      vtkGhostType: { association: 'element', topology: 'topo', values: new Uint8Array(3) },
      v: { ...on, values },
    }),
    /expected 8 ghost marks, received 3/,
  ],
  amr_without_level: [mesh({ d0: good() }, 'amrmesh'), /expected state\/level/],
  // Fields: the mesh and its other fields are sent.
  short: [grid({ v: { ...on, values: ramp(Float64Array, 26) } }), /expected 27 vertex values, received 26/],
  long: [grid({ v: { ...on, values: ramp(Float64Array, 28) } }), /expected 27 vertex values, received 28/],
  no_association: [
    grid({ v: { topology: 'topo', values } }),
    /expected association vertex or element, it is missing/,
  ],
  high_order: [grid({ v: { topology: 'topo', grid_function: 'H1', values } }), /high-order fields/],
  strange_association: [grid({ v: { ...on, association: 'face', values } }), /received "face"/],
  no_values: [grid({ v: on }), /expected values, they are missing/],
  material: [grid({ v: { ...on, matset_values: { a: values } } }), /values per material are not supported/],
  text_values: [grid({ v: { ...on, values: 'none' } }), /expected numbers, received a string/],
  branch_values: [grid({ v: { ...on, values: { x: { deep: values } } } }), /expected an array of numbers/],
  ten_components: [
    grid({
      v: { ...on, values: Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`c${i}`, values])) },
    }),
    /expected 1 to 9 components, received 10/,
  ],
  uneven_components: [
    grid({ v: { ...on, values: { x: values, y: ramp(Float64Array, 26) } } }),
    /expected components of one length, received 27 and 26/,
  ],
  null_values: [
    grid({ v: { ...on, values: new Wild('f64', 0n, 27, 8) } }),
    /expected memory that the host can read/,
  ],
  wild_values: [
    grid({ v: { ...on, values: new Wild('f64', 0x6000_0000_0000n, 27, 8) } }),
    /expected memory that the host can read/,
  ],
  wild_stride: [
    grid({ v: { ...on, values: new Layout('f64', bytesOf(values), 27, { stride: 2 ** 45 }) } }),
    /expected memory that the host can read/,
  ],
  overflowing: [
    grid({ v: { ...on, values: new Layout('f64', bytesOf(values), 2 ** 39, { stride: 2 ** 52 }) } }),
    /expected a count and a stride that fit an address/,
  ],
  too_many: [
    grid({ v: { ...on, values: new Layout('f64', bytesOf(values), 2 ** 41) } }),
    /expected 0 to 2\^40 values/,
  ],
  negative_count: [
    grid({ v: { ...on, values: new Layout('f64', bytesOf(values), -1) } }),
    /expected 0 to 2\^40 values/,
  ],
  wrong_width: [
    grid({ v: { ...on, values: new Layout('f64', bytesOf(values), 27, { bytes: 4 }) } }),
    /expected values of 8 bytes, received 4/,
  ],
  wild_connectivity: [
    cells({ shape: 'tri', connectivity: new Wild('i32', 0x7000n, 3, 4) }),
    /expected memory that the host can read/,
  ],
};

describe('bad nodes', () => {
  it('each is skipped with a line that says why; everything else of the step is stored', async () => {
    const folder = await temporaryFolder();
    const { service, endpoint, out } = await serve(folder);
    const log = join(folder, 'log');
    const host = Host.start(folder);
    expect(await host.initialize({ endpoint, run: 'test', log })).toBe(0);
    const bad = Object.fromEntries(Object.entries(BAD).map(([name, [channel]]) => [name, channel]));
    for (const number of [0, 1]) {
      expect(await host.execute(step(number, { first: mesh(good()), ...bad, last: mesh(good()) }))).toBe(0);
    }
    const { fields_skipped: skipped } = await host.results();
    expect(Number(skipped)).toBeGreaterThan(30);
    expect(await host.finalize()).toBe(0);
    expect(await service.exited).toBe(0);
    const said = await readFile(log, 'utf8');
    for (const [name, [, why]] of Object.entries(BAD)) {
      const about = new RegExp(`(channels/|mesh )${name}\\b(?!_)`);
      const lines = said.split('\n').filter((line) => about.test(line));
      expect(`${name}: ${lines.join('\n')}`).toMatch(why);
      // Two steps, one line: a fault of the set-up must not fill a disk.
      expect(lines.length).toBeLessThanOrEqual(2);
    }
    const stored = await open(out);
    for (const number of [0, 1]) {
      const names = await stored.names(number);
      expect(names).toEqual(expect.arrayContaining(['first/0/e', 'first/0/v', 'last/0/e', 'last/0/v']));
      expect(
        Buffer.from(await stored.field(number, 'v', { mesh: 'last' })).equals(
          Buffer.from(bytesOf(ramp(Float64Array, 27))),
        ),
      ).toBe(true);
    }
  });

  it('a step without state, channels or a new number is refused by a status, not by a crash', async () => {
    const folder = await temporaryFolder();
    const host = Host.start(folder);
    expect(await host.execute(step(0, {}))).toBe(1); // the loader's: nothing is loaded
    expect(await host.initialize({ policy: 'drop', run: 'test' })).toBe(0);
    const all: Tree[] = [
      {},
      { state: { timestep: 1, time: 0 } },
      { state: 5, channels: {} },
      { state: { timestep: 'one', time: 0 }, channels: { a: mesh(good()) } },
      { state: { timestep: 1.5, time: 0 }, channels: { a: mesh(good()) } },
      { state: { timestep: -1, time: 0 }, channels: { a: mesh(good()) } },
    ];
    for (const broken of all) {
      expect(await host.execute(broken)).toBe(203);
    }
    host.write('clear');
    expect((await host.call('execute')).status).toBe(203);
    expect(await host.execute(step(4, { a: mesh(good()) }))).toBe(0);
    expect(await host.execute(step(4, { a: mesh(good()) }))).toBe(203);
    expect((await host.results())['message']).toMatch(/not above the last one, 4/);
  });

  it('the step number may be of any integer type, named timestep or cycle', async () => {
    const folder = await temporaryFolder();
    const { service, endpoint, out } = await serve(folder);
    const host = Host.start(folder);
    expect(await host.initialize({ endpoint, run: 'test' })).toBe(0);
    const states: Tree[] = [
      { cycle: Int32Array.of(1), time: Float32Array.of(0.5) },
      { timestep: Uint8Array.of(2), time: Int32Array.of(3) },
      { timestep: layout(BigUint64Array.of(3n), { big: true }), time: Float64Array.of(1.25) },
      { cycle: Int16Array.of(4) },
    ];
    for (const state of states) expect(await host.execute({ state, channels: { a: mesh(good()) } })).toBe(0);
    expect(await host.finalize()).toBe(0);
    expect(await service.exited).toBe(0);
    const { archive } = await open(out);
    expect(await archive.steps()).toEqual([1, 2, 3, 4]);
    const times = [];
    for (const number of [1, 2, 3, 4]) times.push((await archive.readStep(number)).time);
    expect(times).toEqual([0.5, 3, 1.25, 0]);
  });

  it('whichever Conduit call throws, no exception leaves the library and the next step is stored', async () => {
    const folder = await temporaryFolder();
    const { service, endpoint, out } = await serve(folder);
    const host = Host.start(folder);
    expect(await host.initialize({ endpoint, run: 'test' })).toBe(0);
    let number = 0;
    const statuses = new Map<number, number>();
    const ask = async (calls: number): Promise<number> => {
      host.tree({ catalyst: step(number++, { a: mesh(good()) }) });
      if (calls >= 0) host.write(`throw ${calls}`);
      return (await host.call('execute')).status;
    };
    for (let calls = 0; calls < 300; calls += 1 + Math.floor(calls / 20)) {
      const status = await ask(calls);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
    expect([...statuses.keys()].toSorted((a, b) => a - b)).toEqual([0, 205]);
    expect(await ask(-1)).toBe(0);
    expect(await host.finalize()).toBe(0);
    expect(await service.exited).toBe(0);
    const { archive } = await open(out);
    expect(await archive.steps()).toContain(number - 1);
  });
});

const hex = (number: number) => step(number, { hex: mesh(withFields(CASES['hex']!.data, 17, 5, number)) });

describe('the service', () => {
  it('missing: the simulation goes on as its policy says, and results tell', async () => {
    const folder = await temporaryFolder();
    const host = Host.start(folder);
    const settings = {
      endpoint: 'tcp://127.0.0.1:9',
      run: 'test',
      policy: 'drop',
      buffer_bytes: '2k',
      close_seconds: 1,
    };
    expect(await host.initialize(settings)).toBe(0);
    for (let number = 0; number < 20; number++) {
      expect(await host.execute(step(number, { a: mesh(good()) }))).toBe(0);
    }
    const results = await host.results();
    expect(results).toMatchObject({ connected: 0, steps_sent: 20, steps_acknowledged: 0 });
    expect(Number(results['steps_dropped'])).toBeGreaterThan(5);
    expect(await host.finalize()).toBe(204);
    expect(await host.results()).toMatchObject({ steps_sent: 20 });
    expect(host.stderr).toBe('');
  });

  it('killed and started again: every step is stored', async () => {
    const folder = await temporaryFolder();
    const listen = ['--listen', `ipc://${folder}/socket`];
    const first = await serve(folder, undefined, listen);
    const host = Host.start(folder);
    expect(await host.initialize({ endpoint: `ipc://${folder}/socket`, run: 'test' })).toBe(0);
    for (const number of [0, 1]) expect(await host.execute(hex(number))).toBe(0);
    await until(async () => (await host.results())['steps_acknowledged'] === 2, 'both are durable');
    first.service.child.kill('SIGSTOP');
    expect(await host.execute(hex(2))).toBe(0);
    await first.service.kill('SIGKILL');
    expect(await host.execute(hex(3))).toBe(0);
    const second = await serve(folder, undefined, listen);
    expect(await host.finalize()).toBe(0);
    expect(await host.results()).toMatchObject({ steps_acknowledged: 4, steps_dropped: 0 });
    expect(await second.service.exited).toBe(0);
    const stored = await open(second.out);
    expect(await stored.archive.steps()).toEqual([0, 1, 2, 3]);
    for (const number of [0, 3]) {
      expect(
        Buffer.from(await stored.field(number, 'v')).equals(
          Buffer.from(bytesOf(ramp(Float64Array, 17, number))),
        ),
      ).toBe(true);
    }
  });

  it('a simulation that leaves without finalize ends as it would without us', async () => {
    const folder = await temporaryFolder();
    const host = Host.start(folder);
    expect(await host.initialize({ endpoint: 'tcp://127.0.0.1:9', run: 'test' })).toBe(0);
    expect(await host.execute(step(0, { a: mesh(good()) }))).toBe(0);
    const ended = new Promise((resolve) => host.child.on('close', (code, signal) => resolve(signal ?? code)));
    host.child.stdin.end();
    expect(await ended).toBe(0);
    expect(host.stderr).toBe('');
  });
});

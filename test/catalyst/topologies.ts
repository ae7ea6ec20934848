import { Layout, bytesOf, mesh, ramp, type Numbers, type Tree, type Value } from './host.js';

/** A mesh in Blueprint, with what native/client must make of it. */
export interface Case {
  data: Tree;
  kind: string;
  nodes: number;
  cells: number;
  /** Unstructured: VTK types and connectivity. */
  types?: number[];
  connectivity?: number[];
}

export function points(n: number, type: new (length: number) => Numbers = Float64Array): Tree {
  return { type: 'explicit', values: { x: ramp(type, n, 1), y: ramp(type, n, 2), z: ramp(type, n, 3) } };
}

/** Fields `v` on the nodes (f64) and `e` on the cells (f32); none on cells that there are not. */
export function withFields(data: Tree, nodes: number, cells: number, seed = 0): Tree {
  const fields: Tree = {
    v: { association: 'vertex', topology: 'topo', values: ramp(Float64Array, nodes, seed) },
  };
  if (cells > 0)
    fields['e'] = { association: 'element', topology: 'topo', values: ramp(Float32Array, cells, seed) };
  return { ...data, fields };
}

export function uniform(dims: number[], extra: Tree = {}): Tree {
  const names = ['i', 'j', 'k'];
  return {
    coordsets: {
      coords: {
        type: 'uniform',
        dims: Object.fromEntries(dims.map((n, a) => [names[a]!, n])),
        origin: { x: 1.5, y: -2, z: 0.25 },
        spacing: { dx: 0.5, dy: 0.25, dz: 2 },
        ...extra,
      },
    },
    topologies: { topo: { type: 'uniform', coordset: 'coords' } },
  };
}

function unstructured(n: number, elements: Value, more: Tree = {}): Tree {
  return {
    coordsets: { coords: points(n) },
    topologies: { topo: { type: 'unstructured', coordset: 'coords', elements, ...more } },
  };
}

function shape(
  name: string,
  type: number,
  per: number,
  cells: number,
  nodes: number,
  index: new (length: number) => Numbers = Int32Array,
): Case {
  const connectivity = Array.from({ length: per * cells }, (_, i) => (i * 3) % nodes);
  const array = new index(connectivity.length);
  connectivity.forEach((node, i) => {
    (array as { [i: number]: number | bigint })[i] =
      array instanceof BigInt64Array || array instanceof BigUint64Array ? BigInt(node) : node;
  });
  return {
    data: unstructured(nodes, { shape: name, connectivity: array }),
    kind: 'unstructured',
    nodes,
    cells,
    types: Array<number>(cells).fill(type),
    connectivity,
  };
}

const structured = {
  coordsets: { coords: points(24) },
  topologies: { topo: { type: 'structured', coordset: 'coords', elements: { dims: { i: 3, j: 2, k: 1 } } } },
} satisfies Tree;

/** Two tetrahedra that share a face, as polyhedra. */
const FACES = [
  [0, 1, 2],
  [0, 1, 3],
  [1, 2, 3],
  [0, 2, 3],
  [0, 1, 4],
  [1, 2, 4],
  [0, 2, 4],
];
const faces = {
  shape: 'polygonal',
  connectivity: Int32Array.from(FACES.flat()),
  sizes: Int32Array.from(FACES, (f) => f.length),
  offsets: Int32Array.from(FACES, (_, i) => 3 * i),
} satisfies Tree;

export const CASES: Record<string, Case> = {
  uniform3d: { data: uniform([5, 4, 3]), kind: 'uniform', nodes: 60, cells: 24 },
  uniform2d: { data: uniform([7, 5]), kind: 'uniform', nodes: 35, cells: 24 },
  rectilinear: {
    data: {
      coordsets: {
        coords: {
          type: 'rectilinear',
          values: {
            x: Float64Array.of(0, 1, 3, 6),
            y: Float32Array.of(0, 2, 3),
            z: Float64Array.of(-1, 0),
          },
        },
      },
      topologies: { topo: { type: 'rectilinear', coordset: 'coords' } },
    },
    kind: 'rectilinear',
    nodes: 24,
    cells: 6,
  },
  structured: { data: structured, kind: 'curvilinear', nodes: 24, cells: 6 },
  strided: {
    data: {
      coordsets: { coords: points(60) },
      topologies: {
        topo: {
          type: 'structured',
          coordset: 'coords',
          elements: {
            dims: { i: 2, j: 2, offsets: Int32Array.of(1, 1), strides: Int32Array.of(1, 6) },
          },
        },
      },
    },
    kind: 'curvilinear',
    nodes: 9,
    cells: 4,
  },
  points: {
    data: { coordsets: { coords: points(13) }, topologies: { topo: { type: 'points', coordset: 'coords' } } },
    kind: 'points',
    nodes: 13,
    cells: 0,
  },
  point: shape('point', 1, 1, 9, 11),
  line: shape('line', 3, 2, 9, 11, BigInt64Array),
  tri: shape('tri', 5, 3, 9, 11, Uint32Array),
  quad: shape('quad', 9, 4, 9, 11, Int16Array),
  tet: shape('tet', 10, 4, 9, 11),
  pyramid: shape('pyramid', 14, 5, 7, 11, BigUint64Array),
  wedge: shape('wedge', 13, 6, 7, 11),
  hex: shape('hex', 12, 8, 5, 17, BigInt64Array),
  polygonal: {
    data: unstructured(9, {
      shape: 'polygonal',
      connectivity: Int32Array.of(0, 1, 2, 3, 4, 5, 6, 7, 8),
      sizes: Int32Array.of(4, 5),
      // The second polygon lies first.
      offsets: Int32Array.of(5, 0),
    }),
    kind: 'unstructured',
    nodes: 9,
    cells: 2,
    types: [7, 7],
    connectivity: [5, 6, 7, 8, 0, 1, 2, 3, 4],
  },
  polyhedral: {
    data: unstructured(
      5,
      {
        shape: 'polyhedral',
        connectivity: Int32Array.of(0, 1, 2, 3, 0, 4, 5, 6),
        sizes: Int32Array.of(4, 4),
        offsets: Int32Array.of(0, 4),
      },
      { subelements: faces },
    ),
    kind: 'unstructured',
    nodes: 5,
    cells: 2,
    types: [42, 42],
    connectivity: [0, 1, 2, 3, 0, 1, 2, 4],
  },
  mixed: {
    data: unstructured(
      9,
      {
        shape: 'mixed',
        shape_map: { tet: 10, quad: 9, polyhedral: 42 },
        shapes: Uint8Array.of(10, 42, 9),
        sizes: Int32Array.of(4, 4, 4),
        offsets: Int32Array.of(0, 4, 8),
        connectivity: Int32Array.of(5, 6, 7, 8, 0, 1, 2, 3, 1, 2, 3, 4),
      },
      { subelements: { ...faces, shape: 'mixed', shape_map: { tri: 5 }, shapes: new Uint8Array(7).fill(5) } },
    ),
    kind: 'unstructured',
    nodes: 9,
    cells: 3,
    types: [10, 42, 9],
    connectivity: [5, 6, 7, 8, 0, 1, 2, 3, 1, 2, 3, 4],
  },
  several: {
    data: unstructured(11, [
      { shape: 'tri', connectivity: Int32Array.of(0, 1, 2) },
      { shape: 'quad', connectivity: Int32Array.of(3, 4, 5, 6, 7, 8, 9, 10) },
    ]),
    kind: 'unstructured',
    nodes: 11,
    cells: 3,
    types: [5, 9, 9],
    connectivity: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
  },
};

/** A channel per case, with fields. */
export function everyTopology(seed = 0): Tree {
  return Object.fromEntries(
    Object.entries(CASES).map(([name, { data, nodes, cells }]) => [
      name,
      mesh(withFields(data, nodes, cells, seed)),
    ]),
  );
}

/** The same numbers as `array`, laid out in memory as told; other bytes around them. */
export function layout(
  array: Numbers,
  how: { offset?: number; stride?: number; big?: boolean; misalign?: number } = {},
): Layout {
  const size = array.BYTES_PER_ELEMENT;
  const { offset = 0, stride = size } = how;
  const memory = new Uint8Array(offset + Math.max(0, array.length - 1) * stride + size).fill(0xa5);
  const bytes = bytesOf(array);
  for (let i = 0; i < array.length; i++) {
    const value = bytes.slice(i * size, (i + 1) * size);
    memory.set(how.big ? value.reverse() : value, offset + i * stride);
  }
  const dtype = `${/^BigU|^U/.test(array.constructor.name) ? 'u' : /Int/.test(array.constructor.name) ? 'i' : 'f'}${size * 8}`;
  return new Layout(dtype as Layout['dtype'], memory, array.length, how);
}

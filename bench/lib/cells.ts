/** An unstructured mesh of tetrahedra (VTK type 10) or hexahedra (12). */
export interface Cells {
  points: Float32Array;
  connectivity: Int32Array;
  offsets: Int32Array;
  types: Uint8Array;
}

/** Weights of a cell's corners at a random place: barycentric by sorted gaps for tetrahedra, trilinear for hexahedra. */
function weights(type: number, random: () => number): number[] {
  const [r, s, t] = [random(), random(), random()];
  if (type === 10) {
    const [a, b, c] = [r, s, t].sort((x, y) => x - y) as [number, number, number];
    return [a, b - a, c - b, 1 - c];
  }
  if (type !== 12) throw new Error(`Expected cells of VTK type 10 or 12 but received ${type}`);
  const base = [(1 - r) * (1 - s), r * (1 - s), r * s, (1 - r) * s];
  return [...base.map((w) => w * (1 - t)), ...base.map((w) => w * t)];
}

/** Random points in cells drawn with equal chance, and the field there. */
export function cellPoints(
  cells: Cells,
  association: 'node' | 'cell',
  values: Float32Array,
  count: number,
): { points: Float32Array; values: Float32Array } {
  let seed = 12345;
  const random = () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed / 2 ** 32;
  };
  const out = { points: new Float32Array(3 * count), values: new Float32Array(count) };
  for (let i = 0; i < count; i++) {
    const cell = Math.floor(random() * cells.types.length);
    const at = [0, 0, 0];
    let value = 0;
    weights(cells.types[cell]!, random).forEach((w, k) => {
      const node = cells.connectivity[cells.offsets[cell]! + k]!;
      for (let d = 0; d < 3; d++) at[d]! += w * cells.points[3 * node + d]!;
      if (association === 'node') value += w * values[node]!;
    });
    out.points.set(at, 3 * i);
    out.values[i] = association === 'node' ? value : values[cell]!;
  }
  return out;
}

/** Which points lie in a cell: a tetrahedron, or the bounding box of a hexahedron. */
export function insideCells(cells: Cells, points: Float32Array): Uint8Array {
  const count = points.length / 3;
  const side = 40;
  const lo = [0, 1, 2].map((d) => points.reduce((m, x, i) => (i % 3 === d ? Math.min(m, x) : m), Infinity));
  const hi = [0, 1, 2].map((d) => points.reduce((m, x, i) => (i % 3 === d ? Math.max(m, x) : m), -Infinity));
  const bin = (x: number, d: number) =>
    Math.max(0, Math.min(side - 1, Math.floor(((x - lo[d]!) / (hi[d]! - lo[d]!)) * side)));
  const bins: number[][] = Array.from({ length: side ** 3 }, () => []);
  for (let i = 0; i < count; i++) {
    const [x, y, z] = [0, 1, 2].map((d) => bin(points[3 * i + d]!, d)) as [number, number, number];
    bins[(z * side + y) * side + x]!.push(i);
  }
  const inside = new Uint8Array(count);
  const [low, high, first, last] = [
    [0, 0, 0],
    [0, 0, 0],
    [0, 0, 0],
    [0, 0, 0],
  ];
  for (let c = 0; c < cells.types.length; c++) {
    const nodes = cells.connectivity.subarray(cells.offsets[c], cells.offsets[c + 1]);
    for (let d = 0; d < 3; d++) {
      low[d] = Infinity;
      high[d] = -Infinity;
      for (const node of nodes) {
        const x = cells.points[3 * node + d]!;
        if (x < low[d]!) low[d] = x;
        if (x > high[d]!) high[d] = x;
      }
      first[d] = bin(low[d]!, d);
      last[d] = bin(high[d]!, d);
    }
    for (let z = first[2]!; z <= last[2]!; z++)
      for (let y = first[1]!; y <= last[1]!; y++)
        for (let x = first[0]!; x <= last[0]!; x++)
          for (const i of bins[(z * side + y) * side + x]!) {
            if (
              inside[i] ||
              ![0, 1, 2].every((d) => points[3 * i + d]! >= low[d]! && points[3 * i + d]! <= high[d]!)
            )
              continue;
            if (
              cells.types[c] !== 10 ||
              inTetrahedron(cells.points, nodes, points.subarray(3 * i, 3 * i + 3))
            )
              inside[i] = 1;
          }
  }
  return inside;
}

/** Six times the volume that three vectors span. */
const volume = (a: number[], b: number[], e: number[]) =>
  a[0]! * (b[1]! * e[2]! - b[2]! * e[1]!) -
  a[1]! * (b[0]! * e[2]! - b[2]! * e[0]!) +
  a[2]! * (b[0]! * e[1]! - b[1]! * e[0]!);

/** On the same side of each face as the fourth corner. */
function inTetrahedron(points: Float32Array, nodes: Int32Array, at: Float32Array): boolean {
  const corner = (k: number) =>
    [0, 1, 2].map((d) => points[3 * nodes[k]! + d]! - at[d]!) as [number, number, number];
  const c = [corner(0), corner(1), corner(2), corner(3)];
  const parts = [
    volume(c[1]!, c[2]!, c[3]!),
    -volume(c[0]!, c[2]!, c[3]!),
    volume(c[0]!, c[1]!, c[3]!),
    -volume(c[0]!, c[1]!, c[2]!),
  ];
  return parts.every((v) => v >= 0) || parts.every((v) => v <= 0);
}

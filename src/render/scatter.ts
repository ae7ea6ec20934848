import type { Association } from '../protocol/field.js';
import type { Mesh } from '../protocol/mesh.js';

/** World positions [n, 3] of a mesh's samples, ghosts included: its nodes, or the means of its cells' nodes. */
export function samplePositions(mesh: Mesh, association: Association): Float64Array {
  if (mesh.kind === 'points') return Float64Array.from(mesh.points);
  if (mesh.kind === 'unstructured') {
    return association === 'node' ? Float64Array.from(mesh.points) : cellCentres(mesh);
  }
  const [nx, ny, nz] = mesh.dims;
  const nodes = new Float64Array(nx * ny * nz * 3);
  if (mesh.kind === 'curvilinear') {
    nodes.set(mesh.points);
  } else {
    const at = (axis: number, i: number) =>
      mesh.kind === 'uniform'
        ? mesh.origin[axis]! + i * mesh.spacing[axis]!
        : [mesh.x, mesh.y, mesh.z][axis]![i]!;
    let out = 0;
    for (let k = 0; k < nz; k++)
      for (let j = 0; j < ny; j++)
        for (let i = 0; i < nx; i++) {
          nodes[out++] = at(0, i);
          nodes[out++] = at(1, j);
          nodes[out++] = at(2, k);
        }
  }
  return association === 'node' ? nodes : gridCellCentres(nodes, [nx, ny, nz]);
}

function cellCentres(mesh: Mesh & { kind: 'unstructured' }): Float64Array {
  const cells = mesh.types.length;
  const centres = new Float64Array(cells * 3);
  for (let c = 0; c < cells; c++) {
    const nodes = new Set<number>();
    for (let i = Number(mesh.offsets[c]!); i < Number(mesh.offsets[c + 1]!); i++) {
      nodes.add(Number(mesh.connectivity[i]!));
    }
    for (const node of nodes) {
      for (let a = 0; a < 3; a++) centres[3 * c + a]! += mesh.points[3 * node + a]! / nodes.size;
    }
  }
  return centres;
}

function gridCellCentres(nodes: Float64Array, [nx, ny, nz]: [number, number, number]): Float64Array {
  const [cx, cy, cz] = [nx, ny, nz].map((n) => Math.max(n - 1, 1)) as [number, number, number];
  const centres = new Float64Array(cx * cy * cz * 3);
  let out = 0;
  for (let k = 0; k < cz; k++)
    for (let j = 0; j < cy; j++)
      for (let i = 0; i < cx; i++, out += 3)
        for (let corner = 0; corner < 8; corner++) {
          const ci = Math.min(i + (corner & 1), nx - 1);
          const cj = Math.min(j + ((corner >> 1) & 1), ny - 1);
          const ck = Math.min(k + (corner >> 2), nz - 1);
          const node = 3 * (ci + nx * (cj + ny * ck));
          for (let a = 0; a < 3; a++) centres[out + a]! += nodes[node + a]! / 8;
        }
  return centres;
}

/** Finds the sample nearest to a point, through a regular grid of bins that hold about two samples each. */
export class NearestSample {
  readonly #positions: Float64Array;
  readonly #lo = [Infinity, Infinity, Infinity];
  readonly #size: number;
  readonly #dims: number[];
  /** Samples of bin b: order[start[b]] .. order[start[b + 1]]. */
  readonly #start: Uint32Array;
  readonly #order: Uint32Array;

  /** @param positions [n, 3], n > 0 */
  constructor(positions: Float64Array) {
    this.#positions = positions;
    const n = positions.length / 3;
    const hi = [-Infinity, -Infinity, -Infinity];
    for (let i = 0; i < positions.length; i++) {
      this.#lo[i % 3] = Math.min(this.#lo[i % 3]!, positions[i]!);
      hi[i % 3] = Math.max(hi[i % 3]!, positions[i]!);
    }
    const extent = hi.map((h, a) => h - this.#lo[a]!).filter((e) => e > 0);
    const volume = extent.reduce((product, e) => product * e, 1);
    this.#size = ((2 * volume) / n) ** (1 / Math.max(extent.length, 1)) || 1;
    this.#dims = hi.map((h, a) => Math.floor((h - this.#lo[a]!) / this.#size) + 1);
    const bins = this.#dims[0]! * this.#dims[1]! * this.#dims[2]!;
    this.#start = new Uint32Array(bins + 1);
    for (let i = 0; i < n; i++) this.#start[this.#bin(3 * i) + 1]!++;
    for (let b = 0; b < bins; b++) this.#start[b + 1]! += this.#start[b]!;
    const next = this.#start.slice();
    this.#order = new Uint32Array(n);
    for (let i = 0; i < n; i++) this.#order[next[this.#bin(3 * i)]!++] = i;
  }

  #index(axis: number, coordinate: number): number {
    return Math.floor((coordinate - this.#lo[axis]!) / this.#size);
  }

  #bin(at: number): number {
    const [i, j, k] = [0, 1, 2].map((a) => this.#index(a, this.#positions[at + a]!)) as [
      number,
      number,
      number,
    ];
    return i + this.#dims[0]! * (j + this.#dims[1]! * k);
  }

  /** Index of the nearest sample: rings of bins around the point until none can hold a nearer one. */
  find(x: number, y: number, z: number): number {
    const at = [x, y, z].map((c, a) => Math.min(this.#dims[a]! - 1, Math.max(0, this.#index(a, c))));
    let best = -1;
    let nearest = Infinity;
    const rings = Math.max(...this.#dims);
    for (let ring = 0; ring < rings; ring++) {
      // A bin of this ring is at least (ring - 1) bins away, also from a point outside the grid of bins.
      if (best >= 0 && nearest <= ((ring - 1) * this.#size) ** 2) break;
      this.#visitRing(at, ring, (sample) => {
        const dx = this.#positions[3 * sample]! - x;
        const dy = this.#positions[3 * sample + 1]! - y;
        const dz = this.#positions[3 * sample + 2]! - z;
        const distance = dx * dx + dy * dy + dz * dz;
        if (distance < nearest || (distance === nearest && sample < best)) {
          nearest = distance;
          best = sample;
        }
      });
    }
    return best;
  }

  #visitRing(at: number[], ring: number, visit: (sample: number) => void): void {
    const [nx, ny, nz] = this.#dims as [number, number, number];
    for (let k = Math.max(0, at[2]! - ring); k <= Math.min(nz - 1, at[2]! + ring); k++)
      for (let j = Math.max(0, at[1]! - ring); j <= Math.min(ny - 1, at[1]! + ring); j++) {
        const face = Math.abs(k - at[2]!) === ring || Math.abs(j - at[1]!) === ring;
        for (let i = at[0]! - ring; i <= at[0]! + ring; i += face || ring === 0 ? 1 : 2 * ring) {
          if (i < 0 || i >= nx) continue;
          const bin = i + nx * (j + ny * k);
          for (let s = this.#start[bin]!; s < this.#start[bin + 1]!; s++) visit(this.#order[s]!);
        }
      }
  }
}

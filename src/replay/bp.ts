import { basename, resolve } from 'node:path';
import { readBp } from '../bp/program.js';
import { GaussituError } from '../errors.js';
import { DTYPES, DTYPE_BYTES, type Dtype, type FieldBlock } from '../protocol/field.js';
import type { MeshBlock, Triple } from '../protocol/mesh.js';
import { selectFields, selectSteps } from './select.js';
import type { Input, InputField, InputOptions } from './types.js';

interface Listing {
  steps: number;
  /** Per field: its name in the file, its type, and its axes, x first, at each step that has it. */
  arrays: Map<string, { variable: string; dtype: Dtype; dims: Map<number, Triple> }>;
  numbers: Map<string, Map<number, number>>;
}

/** A BP file (ADIOS2), through the program gaussitu-bp: global arrays on uniform grids. Throws UNSUPPORTED, INVALID_INPUT. */
export async function openBp(path: string, options: InputOptions): Promise<Input> {
  return new BpInput(path, parseListing(await readBp(['list', path])), options);
}

class BpInput implements Input {
  readonly kind = 'bp';
  readonly name: string;
  readonly steps: number[];
  readonly fields: InputField[];
  private readonly meshes = new Map<string, readonly MeshBlock[]>();

  constructor(
    readonly path: string,
    private readonly listing: Listing,
    options: InputOptions,
  ) {
    this.name = basename(resolve(path)).replace(/\.bp$/, '');
    this.steps = selectSteps(
      Array.from({ length: listing.steps }, (_, i) => i),
      options.steps,
    );
    const all = [...listing.arrays].map(([name, { dtype }]): InputField => ({
      name,
      mesh: name,
      association: 'node',
      dtype,
      components: 1,
    }));
    this.fields = selectFields(all, options.fields);
  }

  /** The value of a variable called time, in any case; else the step's number. */
  time(step: number): number {
    const name = [...this.listing.numbers.keys()].find((n) => n.toLowerCase() === 'time');
    return (name !== undefined && this.listing.numbers.get(name)?.get(step)) || step;
  }

  has(step: number, field: string): boolean {
    return this.listing.arrays.get(field)?.dims.has(step) ?? false;
  }

  mesh(name: string, step: number): Promise<readonly MeshBlock[]> {
    const dims = this.dims(step, name);
    const key = `grid_${dims.join('x')}`;
    let blocks = this.meshes.get(key);
    if (!blocks) {
      const mesh = { kind: 'uniform', dims, origin: [0, 0, 0], spacing: [1, 1, 1] } as const;
      this.meshes.set(key, (blocks = [{ name: key, block: 0, mesh }]));
    }
    return Promise.resolve(blocks);
  }

  async readField(step: number, field: string): Promise<FieldBlock[]> {
    const dims = this.dims(step, field);
    const { dtype, variable } = this.listing.arrays.get(field)!;
    const data = await readBp(['get', this.path, String(step), variable]);
    const bytes = dims[0] * dims[1] * dims[2] * DTYPE_BYTES[dtype];
    if (data.length !== bytes) {
      throw new GaussituError('INVALID_INPUT', `${this.path}: ${field}, step ${step}`, {
        expected: `${bytes} bytes`,
        received: String(data.length),
      });
    }
    const mesh = `grid_${dims.join('x')}`;
    return [
      {
        step,
        time: this.time(step),
        field,
        mesh,
        block: 0,
        association: 'node',
        dtype,
        components: 1,
        data,
      },
    ];
  }

  close(): void {
    this.meshes.clear();
  }

  private dims(step: number, field: string): Triple {
    const dims = this.listing.arrays.get(field)?.dims.get(step);
    if (!dims) throw new GaussituError('NOT_FOUND', `${this.path} has no field ${field} at step ${step}`);
    return dims;
  }
}

function parseListing(text: Buffer): Listing {
  const listing: Listing = { steps: 0, arrays: new Map(), numbers: new Map() };
  for (const line of text.toString('utf8').split('\n')) {
    const [what, name = '', ...rest] = line.split('\t');
    if (what === 'steps') listing.steps = Number(name);
    if (what === 'number') {
      const values = listing.numbers.get(name) ?? new Map<number, number>();
      listing.numbers.set(name, values.set(Number(rest[0]), Number(rest[1])));
    }
    if (what === 'array') {
      const dtype = DTYPES.find((d) => d === rest[0]);
      const dims = xFirst((rest[2] ?? '').split('x').map(Number));
      if (!dtype || !dims) continue;
      // ADIOS2 names variables like paths; names of fields have no slash.
      const field = name.replaceAll('/', ':');
      const array = listing.arrays.get(field) ?? { variable: name, dtype, dims: new Map<number, Triple>() };
      array.dims.set(Number(rest[1]), dims);
      listing.arrays.set(field, array);
    }
  }
  return listing;
}

/** Of slowest-first axes; those beyond the third are folded into z. Undefined when there are no values. */
function xFirst(axes: readonly number[]): Triple | undefined {
  const [x = 1, y = 1, ...rest] = axes.toReversed();
  const z = rest.reduce((n, d) => n * d, 1);
  return x * y * z > 0 ? [x, y, z] : undefined;
}

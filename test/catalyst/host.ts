import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';
import { openArchive, type ArchiveReader } from '../../src/archive/index.js';
import { createCodec } from '../../src/codec/index.js';
import { decodeField } from '../../src/export/index.js';
import type { Part } from '../../src/export/decode.js';
import { DTYPE_BYTES, type Dtype } from '../../src/protocol/field.js';
import { ServiceProcess } from '../support/service.js';

const BUILD = resolve(process.env['GAUSSITU_BUILD'] ?? 'build', 'adapters/catalyst');
export const LIBRARY = join(BUILD, 'libcatalyst-gaussitu.so');
export type HostKind = 'own' | 'own, mangled names' | 'real Catalyst';
const PROGRAMS: Record<HostKind, string> = {
  own: 'catalyst_host',
  'own, mangled names': 'catalyst_host_mangled',
  'real Catalyst': 'catalyst_host_real',
};
export const KINDS = Object.keys(PROGRAMS) as HostKind[];
export function program(kind: HostKind): string {
  return join(BUILD, PROGRAMS[kind]);
}
/** The real one is built where CMake finds a Catalyst (CATALYST_PREFIX). */
export function missing(kind: HostKind): boolean {
  return kind === 'real Catalyst' && !existsSync(program(kind));
}

export type Numbers =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

const DTYPES: Record<string, Dtype> = {
  Float32Array: 'f32',
  Float64Array: 'f64',
  Int8Array: 'i8',
  Uint8Array: 'u8',
  Int16Array: 'i16',
  Uint16Array: 'u16',
  Int32Array: 'i32',
  Uint32Array: 'u32',
  BigInt64Array: 'i64',
  BigUint64Array: 'u64',
};
export function dtypeOf(array: Numbers): Dtype {
  return DTYPES[array.constructor.name]!;
}
export function bytesOf(array: Numbers): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

/** An array that lies in the simulation's memory as told. `id` names the memory; the same one is shared. */
export class Layout {
  constructor(
    readonly dtype: Dtype,
    readonly memory: Uint8Array,
    readonly count: number,
    readonly how: {
      offset?: number;
      stride?: number;
      big?: boolean;
      misalign?: number;
      id?: string;
      bytes?: number;
    } = {},
  ) {}
}
/** An array at an address of the test's choice. */
export class Wild {
  constructor(
    readonly dtype: Dtype,
    readonly address: bigint,
    readonly count: number,
    readonly stride: number,
  ) {}
}
export type Tree = { [name: string]: Value };
export type Value = number | string | Numbers | Layout | Wild | Tree | Tree[];

export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'gaussitu-catalyst-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Writes the lines that build `tree` in the host; arrays go to files in `folder`. */
export class Script {
  readonly lines: string[] = [];
  private readonly ids = new Map<Uint8Array, string>();
  private serial = 0;

  constructor(
    private readonly folder: string,
    private readonly label = '',
  ) {}

  /** Replaces the host's tree. */
  tree(tree: Tree): this {
    this.lines.push('clear');
    this.branch('', tree);
    return this;
  }

  private branch(path: string, tree: Tree): void {
    for (const [name, value] of Object.entries(tree)) this.value(path ? `${path}/${name}` : name, value);
  }

  private value(path: string, value: Value): void {
    if (typeof value === 'string') this.lines.push(`text ${path} ${value}`);
    else if (typeof value === 'number') {
      this.value(path, Number.isInteger(value) ? BigInt64Array.of(BigInt(value)) : Float64Array.of(value));
    } else if (ArrayBuffer.isView(value)) {
      this.value(path, new Layout(dtypeOf(value), bytesOf(value), value.length));
    } else if (value instanceof Wild) {
      const { dtype, address, count, stride } = value;
      this.lines.push(`wild ${path} ${dtype} ${address.toString(16)} ${count} ${stride}`);
    } else if (value instanceof Layout) {
      const { dtype, count, how } = value;
      const { offset = 0, stride = DTYPE_BYTES[dtype], big = false, bytes = DTYPE_BYTES[dtype] } = how;
      const id = this.memory(value);
      this.lines.push(
        `leaf ${path} ${dtype} ${id} ${count} ${offset} ${stride} ${bytes} ${big ? 'big' : 'little'}`,
      );
    } else if (Array.isArray(value)) {
      value.forEach((child, i) => this.branch(`${path}/[${i}]`, child));
    } else if (Object.keys(value).length === 0) this.lines.push(`empty ${path}`);
    else this.branch(path, value);
  }

  private memory({ memory, how }: Layout): string {
    const known = this.ids.get(memory);
    if (known) return known;
    const id = how.id ?? `b${this.label}${this.serial++}`;
    this.ids.set(memory, id);
    const path = join(this.folder, `${id}.bin`);
    writeFileSync(path, memory);
    this.lines.push(`buffer ${id} ${path} ${how.misalign ?? 0}`);
    return id;
  }
}

export interface Answer {
  status: number;
  tree: { catalyst: { gaussitu: Record<string, number | string>; [key: string]: unknown } };
}

export interface HostOptions {
  kind?: HostKind;
  env?: Record<string, string>;
}

/** The environment in which any host loads the adapter. */
export function loading(env: Record<string, string> = {}): Record<string, string> {
  return {
    CATALYST_IMPLEMENTATION_NAME: 'gaussitu',
    CATALYST_IMPLEMENTATION_PATHS: dirname(LIBRARY),
    CATALYST_IMPLEMENTATION_PREFER_ENV: '1',
    ...env,
  };
}

/** A simulation in a process of its own, driven line by line. */
export class Host {
  private readonly answers: AsyncIterator<string>;
  private serial = 0;
  stderr = '';
  private constructor(
    readonly child: ChildProcessWithoutNullStreams,
    readonly folder: string,
  ) {
    this.answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    child.stderr.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
  }

  static start(folder: string, { kind = 'own', env = {} }: HostOptions = {}): Host {
    const child = spawn(program(kind), { env: { ...process.env, ...loading(env) } });
    onTestFinished(() => {
      child.kill('SIGKILL');
    });
    return new Host(child, folder);
  }

  /** Replaces the tree of the simulation. */
  tree(tree: Tree): void {
    this.write(...new Script(this.folder, `${this.serial++}_`).tree(tree).lines);
  }

  write(...lines: string[]): void {
    this.child.stdin.write(lines.map((line) => `${line}\n`).join(''));
  }

  async call(line: string): Promise<Answer> {
    this.write(line);
    const { value, done } = await this.answers.next();
    if (done) {
      throw new Error(`the host died (${this.child.exitCode ?? this.child.signalCode}): ${this.stderr}`);
    }
    return JSON.parse(value) as Answer;
  }

  async initialize(settings: Tree): Promise<number> {
    this.tree({ catalyst: { gaussitu: settings } });
    return (await this.call('initialize')).status;
  }
  async execute(step: Tree): Promise<number> {
    this.tree({ catalyst: step });
    return (await this.call('execute')).status;
  }
  async finalize(): Promise<number> {
    this.tree({});
    return (await this.call('finalize')).status;
  }
  async results(): Promise<Record<string, number | string>> {
    return (await this.call('results')).tree.catalyst.gaussitu;
  }
}

/** Nodes of one timestep. */
export function step(number: number, channels: Tree, time = number / 2): Tree {
  return { state: { timestep: number, time: Float64Array.of(time) }, channels };
}
export function mesh(data: Value, type = 'mesh'): Tree {
  return { type, data };
}

/** `gaussitu serve --once` that stores everything bit for bit, unless a run file says otherwise. */
export async function serve(
  folder: string,
  config = 'fields:\n  - {match: "*", model: false}\n',
  args: string[] = [],
): Promise<{ service: ServiceProcess; endpoint: string; out: string }> {
  const file = join(folder, 'run.yaml');
  await writeFile(file, config);
  const out = join(folder, 'run');
  const { service, endpoint } = await ServiceProcess.listen([
    '--config',
    file,
    '--out',
    out,
    '--once',
    ...args,
  ]);
  onTestFinished(() => {
    service.child.kill('SIGKILL');
  });
  return { service, endpoint, out };
}

export async function open(out: string): Promise<Stored> {
  return new Stored(await openArchive(out));
}

/** A run folder as a test looks at it. */
export class Stored {
  private readonly codec = createCodec();
  constructor(readonly archive: ArchiveReader) {}

  /** The decoded bytes of one field. */
  async field(number: number, name: string, part: Part = {}): Promise<Uint8Array> {
    const { data } = await decodeField(
      this.archive,
      this.codec,
      await this.archive.readStep(number),
      name,
      part,
    );
    return new Uint8Array(data);
  }

  async names(number: number): Promise<string[]> {
    const { fields } = await this.archive.readStep(number);
    return fields.map((f) => `${f.mesh}/${f.block}/${f.name}`).toSorted();
  }
}

/** n different numbers, of any type. */
export function ramp<T extends Numbers>(type: new (length: number) => T, n: number, seed = 0): T {
  const out = new type(n);
  const wide = out instanceof BigInt64Array || out instanceof BigUint64Array;
  const real = out instanceof Float32Array || out instanceof Float64Array;
  for (let i = 0; i < n; i++) {
    const value = real ? Math.sin(i * 0.7 + seed) * 10 + seed : (i * 37 + seed * 11) % 120;
    (out as { [i: number]: number | bigint })[i] = wide ? BigInt(Math.floor(value)) : value;
  }
  return out;
}

import { readFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { GaussituError } from '../errors.js';
import type { MeshBlock } from '../protocol/mesh.js';
import { decodeMesh } from './mesh_file.js';
import { RUN_FILE, readRun, type MeshEntry, type RunFile } from './run_file.js';
import { decodeStep } from './step_file.js';
import type { ArchiveReader, StepEntry } from './types.js';

export function stepFileName(step: number): string {
  return `step_${String(step).padStart(6, '0')}.h5`;
}

/** Steps whose files are in `folder`, in order. */
export async function listSteps(folder: string): Promise<number[]> {
  const steps = (await readdir(folder)).flatMap((name) => {
    const match = /^step_(\d{6,})\.h5$/.exec(name);
    return match ? [Number(match[1])] : [];
  });
  return steps.sort((a, b) => a - b);
}

export async function readStepFile(folder: string, step: number): Promise<StepEntry> {
  const path = join(folder, stepFileName(step));
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      throw new GaussituError('NOT_FOUND', `step ${step} is not in ${folder}`, { cause: error });
    }
    throw new GaussituError('ARCHIVE_FAILED', `cannot read ${path}`, {
      received: String(error),
      cause: error,
    });
  }
  const entry = await decodeStep(bytes, path);
  if (entry.step !== step) {
    throw new GaussituError('CORRUPT_STREAM', `${path} is damaged or was renamed`, {
      expected: `step ${step}`,
      received: `step ${entry.step}`,
    });
  }
  return entry;
}

/** Opens a run folder for reading. Throws NOT_FOUND, CORRUPT_STREAM, UNSUPPORTED. */
export async function openReader(path: string): Promise<ArchiveReader> {
  const run = await readRun(path);
  if (!run) {
    throw new GaussituError('NOT_FOUND', `${path} is not a run folder`, {
      expected: `a folder with ${RUN_FILE} in it`,
      hint: 'the folder that was given to serve or replay as --out',
    });
  }
  return new Reader(path, run);
}

class Reader implements ArchiveReader {
  /** The version of each mesh block that was read last: what is built from a mesh is kept with the object. */
  private readonly meshes = new Map<string, { entry: MeshEntry; mesh: MeshBlock }>();

  constructor(
    readonly path: string,
    private run: RunFile,
  ) {}

  get info(): ArchiveReader['info'] {
    return this.run.info;
  }
  get settings(): Record<string, unknown> {
    return this.run.settings;
  }
  get finished(): boolean {
    return this.run.finished;
  }
  get dropped(): ArchiveReader['dropped'] {
    return this.run.dropped;
  }

  async steps(): Promise<number[]> {
    const steps = await listSteps(this.path);
    this.run = (await readRun(this.path)) ?? this.run; // after the listing: it knows every mesh they need
    return steps;
  }

  async readStep(step: number): Promise<StepEntry> {
    return readStepFile(this.path, step);
  }

  async readMesh(name: string, block: number, step: number): Promise<MeshBlock | undefined> {
    const find = () =>
      this.run.meshes.findLast((m) => m.name === name && m.block === block && m.after < step);
    let entry = find();
    if (!entry) {
      await this.steps();
      entry = find();
    }
    if (!entry) return undefined;
    const key = JSON.stringify([name, block]);
    const last = this.meshes.get(key);
    if (last && last.entry.digest === entry.digest) return last.mesh;
    const mesh = await this.loadMesh(entry);
    if (mesh) this.meshes.set(key, { entry, mesh });
    return mesh;
  }

  private async loadMesh(entry: MeshEntry): Promise<MeshBlock | undefined> {
    if (!entry.file) return entry.kind === 'uniform' ? decodeMesh(entry, undefined) : undefined;
    const path = join(this.path, entry.file);
    const bytes = await readFile(path).catch((error: unknown) => {
      throw new GaussituError('CORRUPT_STREAM', `${path}, named in ${RUN_FILE}, cannot be read`, {
        cause: error,
      });
    });
    return decodeMesh(entry, bytes);
  }

  async meshBytes(): Promise<number> {
    const files = new Set(this.run.meshes.flatMap((m) => (m.file ? [m.file] : [])));
    let bytes = 0;
    for (const file of files) bytes += (await stat(join(this.path, file))).size;
    return bytes;
  }

  async meshRawBytes(name: string, step: number): Promise<number> {
    const blocks = new Map<number, number>();
    for (const m of this.run.meshes) if (m.name === name && m.after < step) blocks.set(m.block, m.rawBytes);
    return [...blocks.values()].reduce((a, b) => a + b, 0);
  }
}

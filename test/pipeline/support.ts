import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { Subject } from 'rxjs';
import { afterEach } from 'vitest';
import { openArchiveWriter, type ArchiveWriter } from '../../src/archive/index.js';
import { createCodec } from '../../src/codec/index.js';
import { mergeSettings, type RunSettings } from '../../src/config/index.js';
import { runPipeline, type PipelineResult } from '../../src/pipeline/index.js';
import { DTYPE_BYTES, type Dtype, type FieldBlock } from '../../src/protocol/field.js';
import type { Mesh, MeshBlock } from '../../src/protocol/mesh.js';
import type { RunInfo, SourceEvent, StepSource, StepSummary } from '../../src/protocol/source.js';

export const codec = createCodec();

const folders: string[] = [];
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'gaussitu-'));
  folders.push(folder);
  return folder;
}
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

export function uniform(dims: readonly [number, number, number]): Mesh {
  return { kind: 'uniform', dims, origin: [0, 0, 0], spacing: [1, 1, 1] };
}

/** A run that a test drives by hand, into a real archive through the real codec. */
export class TestRun implements StepSource {
  readonly info: RunInfo;
  readonly events = new Subject<SourceEvent>();
  readonly acknowledged: StepSummary[] = [];
  readonly failures: { error: Error; step?: number; field?: string }[] = [];
  /** Fields that were emitted and not yet released, in bytes. */
  held = 0;
  result: Promise<PipelineResult> | undefined;
  archive: ArchiveWriter | undefined;
  readonly abort = new AbortController();
  window?: number;
  readonly logged: Record<string, unknown>[] = [];

  constructor(
    readonly folder: string,
    info: Partial<RunInfo> = {},
  ) {
    this.info = { run: 'test', ranks: 1, client: 'test', ...info };
  }

  async start(settings: Partial<RunSettings> = {}): Promise<this> {
    const merged = { ...mergeSettings({}, {}), ...settings };
    this.archive = await openArchiveWriter(this.folder, { info: this.info, mesh: merged.mesh, settings: {} });
    const log = pino(
      { level: 'info' },
      { write: (line) => this.logged.push(JSON.parse(line) as object as never) },
    );
    this.result = runPipeline({
      source: this,
      archive: this.archive,
      codec,
      settings: merged,
      log,
      signal: this.abort.signal,
    });
    this.result.catch(() => undefined);
    return this;
  }

  mesh(mesh: Mesh, more: Partial<MeshBlock> = {}): void {
    this.events.next({ type: 'mesh', mesh: { name: 'grid', block: 0, mesh, ...more } });
  }

  field(step: number, field: string, values: ArrayBufferView, more: Partial<FieldBlock> = {}): void {
    const data = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    this.held += data.length;
    let released = false;
    this.events.next({
      type: 'field',
      field: {
        step,
        time: step / 10,
        field,
        mesh: 'grid',
        block: 0,
        association: 'node',
        dtype: 'f32',
        components: 1,
        data,
        ...more,
      },
      release: () => {
        if (released) throw new Error(`${field} of step ${step} was released twice`);
        released = true;
        this.held -= data.length;
      },
    });
  }

  step(step: number, fields: Record<string, ArrayBufferView> = {}): void {
    for (const [name, values] of Object.entries(fields)) this.field(step, name, values);
    this.events.next({ type: 'step', step, time: step / 10 });
  }

  /** Ends the source and waits for the pipeline. */
  async finish(): Promise<PipelineResult> {
    this.events.complete();
    const result = await this.result!;
    await this.archive!.close(true);
    return result;
  }

  committed(step: StepSummary): void {
    this.acknowledged.push(step);
  }

  failed(error: Error, at?: { step: number; field?: string }): void {
    this.failures.push({ error, ...at });
  }
}

export function bytesOf(dtype: Dtype, count: number): number {
  return DTYPE_BYTES[dtype] * count;
}

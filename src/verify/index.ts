import { crc32 } from 'node:zlib';
import { basename } from 'node:path';
import { byField, mergeCertificates, type ArchiveReader, type FieldEntry } from '../archive/index.js';
import type { Codec } from '../codec/types.js';
import { GaussituError } from '../errors.js';
import { assemble } from '../export/assemble.js';
import { BlockDecoder } from '../export/index.js';
import { componentNames } from '../pipeline/components.js';
import { boundOf } from '../protocol/bound.js';
import { extractComponent, interior } from '../protocol/extent.js';
import { blankFill } from '../protocol/fill.js';
import { blankGhosts, ghostMarks } from '../protocol/ghosts.js';
import { DTYPE_BYTES } from '../protocol/field.js';
import type { MeshBlock } from '../protocol/mesh.js';
import type { Input } from '../replay/index.js';
import { compareArrays, type Comparison } from './compare.js';

export interface Problem {
  /** Step file that is concerned, or run.json. */
  file: string;
  step: number;
  field?: string;
  block?: number;
  message: string;
}
export interface VerifiedField {
  step: number;
  name: string;
  psnr: number;
  rmse: number;
  maxError: number;
}
export interface Verification {
  run: string;
  input: string;
  ok: boolean;
  steps: number;
  fields: VerifiedField[];
  problems: Problem[];
}

/** Relative disagreement of measured and certified errors that rounding in another order of summation explains. */
const TOLERANCE = 1e-6;

/**
 * Decodes every stored field and compares it with the original and with its certificate. What is wrong is
 * reported, not thrown; a damaged step does not keep the others from being looked at.
 */
export async function verifyRun(
  archive: ArchiveReader,
  input: Input,
  codec: Codec,
  onStep?: (step: number, done: number, total: number) => void,
): Promise<Verification> {
  const decoder = new BlockDecoder(archive, codec);
  const problems: Problem[] = [];
  const fields: VerifiedField[] = [];
  const steps = await archive.steps();
  for (const [i, step] of steps.entries()) {
    onStep?.(step, i, steps.length);
    const file = `step_${String(step).padStart(6, '0')}.h5`;
    try {
      const entry = await archive.readStep(step);
      for (const [name, blocks] of byField(entry.fields)) {
        const where = { file: basename(entry.file), step, field: name };
        const report = (message: string, block?: number) =>
          problems.push({ ...where, ...(block === undefined ? {} : { block }), message });
        try {
          const result = await verifyField({ archive, input, decoder, step, name, blocks, report });
          if (result)
            fields.push({ step, name, psnr: result.psnr, rmse: result.rmse, maxError: result.maxError });
        } catch (error) {
          report(message(error));
        }
      }
    } catch (error) {
      problems.push({ file, step, message: message(error) });
    }
  }
  return {
    run: archive.info.run,
    input: input.path,
    ok: problems.length === 0,
    steps: steps.length,
    fields,
    problems,
  };
}

interface FieldJob {
  archive: ArchiveReader;
  input: Input;
  decoder: BlockDecoder;
  step: number;
  name: string;
  blocks: FieldEntry[];
  report: (message: string, block?: number) => void;
}

async function verifyField(job: FieldJob): Promise<Comparison | undefined> {
  const { archive, decoder, step, blocks, report } = job;
  const original = await originals(job);
  const decoded: { entry: FieldEntry; mesh: MeshBlock | undefined; data: Uint8Array }[] = [];
  for (const entry of blocks) {
    const mesh = (await archive.readMesh(entry.mesh, entry.block, step)) ?? original.meshes.get(entry.block);
    const data = await decoder.decode(step, entry, mesh);
    if (crc32(data) !== entry.certificate.crc) {
      report('the decoded array does not have the checksum of its certificate', entry.block);
    }
    decoded.push({ entry, mesh, data });
  }
  const sameBlocks = decoded.every(
    ({ entry, data }) => original.data.get(entry.block)?.length === data.length,
  );
  const [first] = blocks;
  if (!first) return undefined;
  if (sameBlocks) {
    for (const { entry, mesh, data } of decoded) {
      const raw = withoutGhosts(original.data.get(entry.block) as Uint8Array, entry, mesh);
      const measured = compareArrays(raw, data, entry.dtype);
      checkCertificate(measured, [entry], (text) => report(text, entry.block));
      checkPointwise(measured, [entry], (text) => report(text, entry.block));
      if (entry.kind === 'bounded') checkBound(measured, entry, (text) => report(text, entry.block));
      else if (
        entry.kind !== 'gaussian' &&
        !Buffer.from(raw.buffer, raw.byteOffset, raw.length).equals(data)
      ) {
        report(`stored as ${entry.kind}, but not bit for bit the original`, entry.block);
      }
    }
    const all = (of: (block: number) => Uint8Array) => Buffer.concat(decoded.map((d) => of(d.entry.block)));
    return compareArrays(
      all((b) => original.data.get(b) as Uint8Array),
      all((b) => decoded.find((d) => d.entry.block === b)?.data as Uint8Array),
      first.dtype,
    );
  }
  // The run is of a decomposed simulation, the input is of the whole grid, or the other way round.
  const parts = decoded.flatMap(({ mesh, data }) => (mesh ? [{ mesh, data }] : []));
  const wholes = [...original.data].flatMap(([block, data]) => {
    const mesh = original.meshes.get(block);
    return mesh ? [{ mesh, data }] : [];
  });
  const whole = assemble(parts, first.association, first.dtype).data;
  const compared = compareArrays(assemble(wholes, first.association, first.dtype).data, whole, first.dtype);
  checkCertificate(compared, blocks, (text) => report(text));
  checkPointwise(compared, blocks, (text) => report(text));
  return compared;
}

async function originals({ input, step, name, blocks }: FieldJob) {
  const field = input.fields.find((f) => componentNames(f.name, f.components).includes(name));
  if (!field || !input.has(step, field.name)) {
    throw new GaussituError('NOT_FOUND', `${input.path} does not have it`);
  }
  const component = componentNames(field.name, field.components).indexOf(name);
  const meshes = new Map((await input.mesh(field.mesh, step)).map((m): [number, MeshBlock] => [m.block, m]));
  // A model knows no fill values.
  const modelled = (block: number): boolean =>
    (blocks.find((b) => b.block === block) ?? blocks[0])?.kind === 'gaussian';
  const data = new Map<number, Uint8Array>();
  for (const part of await input.readField(step, field.name)) {
    const mesh = meshes.get(part.block);
    if (!mesh) continue;
    if (part.dtype !== blocks[0]?.dtype) {
      throw new GaussituError('BAD_DTYPE', 'number type', {
        expected: part.dtype,
        received: String(blocks[0]?.dtype),
      });
    }
    const box = interior(mesh, part.association);
    data.set(
      part.block,
      blankFill(
        extractComponent(part.data, box, DTYPE_BYTES[part.dtype], part.components, component),
        part.dtype,
        modelled(part.block) ? part.fill : undefined,
      ),
    );
  }
  return { data, meshes };
}

/** Ghosts that the archive's mesh marks are nothing to a model or a bound. */
function withoutGhosts(data: Uint8Array, entry: FieldEntry, mesh: MeshBlock | undefined): Uint8Array {
  const marks = mesh && ghostMarks(mesh, entry.association);
  if (!marks || (entry.kind !== 'gaussian' && entry.kind !== 'bounded')) return data;
  const kept = extractComponent(marks, interior(mesh, entry.association), 1, 1, 0);
  return blankGhosts(data, entry.dtype, 1, kept);
}

function checkCertificate(measured: Comparison, blocks: FieldEntry[], report: (text: string) => void): void {
  const certified = mergeCertificates(blocks.map((b) => b.certificate));
  const nonFinite = blocks.reduce((sum, b) => sum + b.certificate.nonFinite, 0);
  if (measured.nonFinite !== nonFinite) {
    report(
      `the original has ${measured.nonFinite} values that are not finite, the certificate says ${nonFinite}`,
    );
  }
  // The certificate's range: fill values are not in it.
  const ends = blocks.flatMap(({ certificate: c }) => [Math.abs(c.valueMin), Math.abs(c.valueMax)]);
  const slack = TOLERANCE * Math.max(0, ...ends.filter(Number.isFinite)) * 1e-3;
  for (const [name, value, claim] of [
    ['largest error', measured.maxError, certified.maxError],
    ['RMS error', measured.rmse, certified.rmse],
  ] as const) {
    if (!(value <= claim * (1 + TOLERANCE) + slack))
      report(`${name} is ${value}, its certificate says ${claim}`);
    else if (value < claim * (1 - 1e-3) - slack)
      report(`${name} is ${value}, its certificate says ${claim}: another original?`);
  }
}

function checkBound(measured: Comparison, { certificate }: FieldEntry, report: (text: string) => void): void {
  const bound = boundOf(certificate.target, certificate) ?? certificate.bound;
  if (bound !== undefined && !(measured.maxError <= bound)) {
    report(`largest error is ${measured.maxError}, above the bound of ${bound}`);
  }
}

/** Bounds that every value has of its own; blocks of one field were asked for the same. */
function checkPointwise(measured: Comparison, blocks: FieldEntry[], report: (text: string) => void): void {
  const { maxRelativeError: found } = measured;
  const claims = blocks.flatMap(({ certificate: { target, maxRelativeError } }) =>
    target && 'pwRel' in target ? { asked: target.pwRel, claimed: maxRelativeError ?? Number.NaN } : [],
  );
  if (claims.length === 0 || claims.length < blocks.length) return;
  const [asked, claimed] = [
    Math.max(...claims.map((c) => c.asked)),
    Math.max(...claims.map((c) => c.claimed)),
  ];
  const name = 'largest point-wise relative error';
  if (!(found <= asked)) report(`${name} is ${found}, above the bound of ${asked} that was asked for`);
  if (!(Math.abs(found - claimed) <= TOLERANCE * claimed)) {
    report(`${name} is ${found}, its certificate says ${claimed}`);
  }
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

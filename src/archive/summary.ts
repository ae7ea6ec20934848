import type { FieldKind, FieldSummary, StepSummary } from '../protocol/source.js';
import type { Certificate, FieldEntry, StepEntry } from './types.js';

/** The blocks of one field together: errors over all values, the largest of the largest, PSNR over the joint range. */
export function mergeCertificates(blocks: readonly Certificate[]): {
  rmse: number;
  maxError: number;
  psnr: number;
  rawBytes: number;
} {
  let squares = 0;
  let finite = 0;
  let [lo, hi, maxError, rawBytes] = [Infinity, -Infinity, 0, 0];
  for (const c of blocks) {
    const n = c.values - c.nonFinite;
    rawBytes += c.rawBytes;
    if (n <= 0) continue;
    squares += c.rmse * c.rmse * n;
    finite += n;
    lo = Math.min(lo, c.valueMin);
    hi = Math.max(hi, c.valueMax);
    maxError = Math.max(maxError, c.maxError);
  }
  const rmse = finite > 0 ? Math.sqrt(squares / finite) : 0;
  return { rmse, maxError, psnr: rmse === 0 ? Infinity : 20 * Math.log10((hi - lo) / rmse), rawBytes };
}

/** One word for the blocks of a field: the most telling kind among them. */
export function kindOf(blocks: readonly FieldEntry[]): FieldKind {
  const kinds = blocks.map((b) => b.kind);
  return kinds.find((kind) => kind === 'gaussian' || kind === 'bounded') ?? kinds[0] ?? 'empty';
}

/** Groups the blocks of a step by field name, in order of appearance. */
export function byField(fields: readonly FieldEntry[]): Map<string, FieldEntry[]> {
  const groups = new Map<string, FieldEntry[]>();
  for (const field of fields) groups.set(field.name, [...(groups.get(field.name) ?? []), field]);
  return groups;
}

export function summarise(entry: StepEntry, seconds: number): StepSummary {
  const fields = [...byField(entry.fields)].map(([field, blocks]): FieldSummary => {
    const c = blocks.map((b) => b.certificate);
    const { psnr, maxError, rawBytes } = mergeCertificates(c);
    return {
      field,
      kind: kindOf(blocks),
      rawBytes,
      storedBytes: blocks.reduce((sum, b) => sum + b.storedBytes, 0),
      psnr,
      maxError,
      iterations: Math.max(...c.map((b) => b.iterations)),
      trainSeconds: c.reduce((sum, b) => sum + b.trainSeconds, 0),
      start: c.every((b) => b.start === 'warm') ? 'warm' : 'cold',
    };
  });
  return {
    step: entry.step,
    time: entry.time,
    rawBytes: fields.reduce((sum, f) => sum + f.rawBytes, 0),
    storedBytes: entry.fileBytes,
    seconds,
    fields,
  };
}

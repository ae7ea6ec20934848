import type { StepSummary } from '../protocol/source.js';

/** The per-step log record. */
export function logFields(summary: StepSummary): Record<string, unknown> {
  return {
    step: summary.step,
    time: summary.time,
    rawBytes: summary.rawBytes,
    storedBytes: summary.storedBytes,
    ratio: round(summary.rawBytes / Math.max(1, summary.storedBytes)),
    seconds: round(summary.seconds),
    fields: summary.fields.map((field) => ({
      field: field.field,
      kind: field.kind,
      ratio: round(field.rawBytes / Math.max(1, field.storedBytes)),
      psnr: round(field.psnr),
      iterations: field.iterations,
      start: field.start,
    })),
  };
}

function round(value: number): number | string {
  return Number.isFinite(value) ? Math.round(value * 100) / 100 : String(value);
}

import { SingleBar } from 'cli-progress';
import type { EncodeProgress } from '../codec/types.js';
import type { StepSummary } from '../protocol/source.js';

/** One line on a terminal that tells what the service is doing; silent where there is no terminal. */
export interface Progress {
  /** For runPipeline's onProgress. */
  field(at: { step: number; field: string; block: number }, progress: EncodeProgress): void;
  /** For runPipeline's onStep. */
  step(summary: StepSummary): void;
  /** Clears the line, runs `print`, draws it again: for log lines that share the terminal. */
  around(print: () => void): void;
  stop(): void;
}

export interface ProgressOptions {
  /** Steps to come, when known: draws a bar over them. */
  steps?: number;
  /** Default: stderr is a terminal. */
  enabled?: boolean;
  stream?: NodeJS.WriteStream;
}

export function createProgress(options: ProgressOptions = {}): Progress {
  const stream = options.stream ?? process.stderr;
  if (!(options.enabled ?? stream.isTTY)) {
    return { field: () => {}, step: () => {}, around: (print) => print(), stop: () => {} };
  }
  const total = options.steps;
  const bar = new SingleBar({
    stream,
    format: total === undefined ? '{state}' : '[{bar}] {value}/{total} steps  {state}',
    barsize: 24,
    hideCursor: true,
    clearOnComplete: true,
    linewrap: false,
    fps: 8,
  });
  let state = 'waiting for the first step';
  let done = 0;
  const begin = (): void => bar.start(total ?? 1, total === undefined ? 0 : done, { state });
  begin();
  return {
    field(at, p) {
      state =
        `step ${at.step}: ${at.field}${at.block ? ` block ${at.block}` : ''}  ` +
        `iteration ${p.iteration}/${p.iterations}  ${p.psnr.toFixed(2)} dB  ${p.gaussians} Gaussians`;
      bar.update({ state });
    },
    step(summary) {
      done++;
      state = describeStep(summary);
      if (total === undefined) bar.update({ state });
      else bar.update(done, { state });
    },
    around(print) {
      bar.stop();
      print();
      begin();
    },
    stop: () => bar.stop(),
  };
}

/** `step 3: u 134:1 42.1 dB, v 120:1 44.0 dB  (1.4 s)` */
export function describeStep(summary: StepSummary): string {
  const fields = summary.fields.map((f) => {
    const ratio = f.storedBytes > 0 ? `${(f.rawBytes / f.storedBytes).toFixed(1)}:1` : f.kind;
    return `${f.field} ${ratio} ${Number.isFinite(f.psnr) ? `${f.psnr.toFixed(2)} dB` : 'exact'}`;
  });
  return `step ${summary.step}: ${fields.join(', ') || 'no fields'}  (${summary.seconds.toFixed(2)} s)`;
}

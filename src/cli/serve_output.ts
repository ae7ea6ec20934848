import type { ChosenDevice, Codec } from '../codec/types.js';
import type { PipelineResult } from '../pipeline/types.js';
import type { RunInfo, StepSummary } from '../protocol/source.js';
import { describeStep, type Progress } from './progress.js';

/** What `serve` says on stdout: lines for people, or with --json one object per line for programs. */
export interface Output {
  listening(endpoint: string, out: string, codec: Codec, device: ChosenDevice): void;
  run(info: RunInfo, path: string, resumedAfter: number): void;
  step(run: string, summary: StepSummary): void;
  failed(run: string, error: Error, at?: { step: number; field?: string }): void;
  finished(totals: PipelineResult & { runs: number }, signal: string | undefined): void;
}

export function createOutput(json: boolean, progress: Progress): Output {
  return json ? jsonOutput() : textOutput((line) => progress.around(() => process.stdout.write(`${line}\n`)));
}

function write(event: string, data: object): void {
  // JSON has no Infinity: the PSNR of an exact field is null.
  process.stdout.write(`${JSON.stringify({ event, ...data })}\n`);
}

function jsonOutput(): Output {
  return {
    listening: (endpoint, out, codec, device) =>
      write('listening', {
        endpoint,
        out,
        pid: process.pid,
        threads: codec.threads(),
        instructionSet: codec.instructionSet(),
        device: device.name,
      }),
    run: (info, path, resumedAfter) =>
      write('run', { run: info.run, ranks: info.ranks, client: info.client, path, resumedAfter }),
    step: (run, summary) => write('step', { run, ...summary }),
    failed: (run, error, at) => write('failed', { run, ...at, message: error.message }),
    finished: (totals, signal) => write('finished', { ...totals, signal: signal ?? null }),
  };
}

function textOutput(line: (text: string) => void): Output {
  return {
    listening: (endpoint, out, codec, device) =>
      line(
        `listening on ${endpoint}, writing to ${out} (${codec.threads()} threads, ${codec.instructionSet()}` +
          `${device.name === 'cpu' ? '' : `, ${device.name}: ${device.description}`})`,
      ),
    run: (info, path, resumedAfter) =>
      line(
        `run ${info.run}: ${info.ranks} ${info.ranks === 1 ? 'rank' : 'ranks'}, ${info.client}, into ${path}` +
          (resumedAfter >= 0 ? `, going on after step ${resumedAfter}` : ''),
      ),
    step: (_, summary) => line(describeStep(summary)),
    failed: (run, error, at) =>
      line(`run ${run}${at ? `, step ${at.step}${at.field ? `, ${at.field}` : ''}` : ''}: ${error.message}`),
    finished: (totals, signal) => {
      const ratio = totals.rawBytes / Math.max(1, totals.storedBytes);
      line(
        `${signal ? `stopped by ${signal}` : 'finished'}: ${totals.steps} steps, ` +
          `${totals.rawBytes} bytes in ${totals.storedBytes} (${ratio.toFixed(1)}:1), ` +
          `${totals.dropped} steps dropped, ${totals.failures.length} fields failed`,
      );
    },
  };
}

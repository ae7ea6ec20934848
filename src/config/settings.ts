import { GaussituError } from '../errors.js';
import type { Target } from '../protocol/field.js';
import type { RunFile } from './schema.js';
import { DEFAULT_DEVICE, DEFAULT_KEYFRAME } from './types.js';
import type { Coder, FieldSettings, ModelShare, RunSettings } from './types.js';

export const DEFAULT_MEMORY = 1e9;

/** What the command line may say; absent means: as run.yaml, else the default. */
export interface CommandLineSettings {
  target?: Target | undefined;
  secondsPerStep?: number | undefined;
  threads?: number | undefined;
  device?: string | undefined;
  deviceMemory?: number | undefined;
  memory?: number | undefined;
  mesh?: 'store' | 'none' | undefined;
  keyframe?: number | undefined;
  expectedSteps?: number | undefined;
  coder?: Coder | undefined;
  modelShare?: ModelShare | undefined;
}

/** Command line over run.yaml over defaults. A command-line target overrides the targets of every field. */
export function mergeSettings(file: RunFile, line: CommandLineSettings): RunSettings {
  const fields = (file.fields ?? []).map(fieldSettings);
  if (line.target || line.coder || line.modelShare !== undefined) {
    fields.unshift({
      match: '*',
      ...(line.target && { target: line.target }),
      ...(line.coder && { coder: line.coder }),
      ...(line.modelShare !== undefined && { modelShare: line.modelShare }),
    });
  }
  const settings: RunSettings = {
    fields,
    secondsPerStep: line.secondsPerStep ?? file.secondsPerStep ?? 0,
    threads: line.threads ?? file.threads ?? 0,
    device: line.device ?? file.device ?? DEFAULT_DEVICE,
    deviceMemory: line.deviceMemory ?? file.deviceMemory ?? 0,
    memory: line.memory ?? file.memory ?? DEFAULT_MEMORY,
    mesh: line.mesh ?? file.mesh ?? 'store',
    keyframe: line.keyframe ?? file.keyframe ?? DEFAULT_KEYFRAME,
    expectedSteps: line.expectedSteps ?? file.expectedSteps ?? 0,
    modelShare: line.modelShare ?? file.modelShare ?? 'auto',
  };
  const whole = fields.some(({ target }) => target && 'bytesPerRun' in target);
  if (whole && settings.expectedSteps === 0) {
    throw new GaussituError('INVALID_ARGUMENT', 'bytes per run', {
      expected: 'the number of steps to share them by',
      received: 'nothing',
      hint: 'give --expected-steps, or expectedSteps in run.yaml',
    });
  }
  return settings;
}

/** What an archive keeps of the settings: all but where the work was done, which the certificates say. */
export function recorded(settings: RunSettings): Record<string, unknown> {
  return Object.fromEntries(Object.entries(settings).filter(([key]) => !key.startsWith('device')));
}

function fieldSettings(entry: NonNullable<RunFile['fields']>[number]): FieldSettings {
  const { match, ratio, psnr, bytes, bytesPerRun, abs, rel, pwRel, ...rest } = entry;
  const settings: FieldSettings = { match, ...rest };
  if (ratio !== undefined) settings.target = { ratio };
  if (psnr !== undefined) settings.target = { psnr };
  if (bytes !== undefined) settings.target = { bytes };
  if (bytesPerRun !== undefined) settings.target = { bytesPerRun };
  if (abs !== undefined) settings.target = { abs };
  if (rel !== undefined) settings.target = { rel };
  if (pwRel !== undefined) settings.target = { pwRel };
  return settings;
}

import { Option, type Command } from 'commander';
import { GaussituError } from '../errors.js';
import { CODERS, type Coder, type ModelShare } from '../config/types.js';
import type { Target } from '../protocol/field.js';

export interface TargetOptions {
  ratio?: number;
  psnr?: number;
  bytesPerStep?: number;
  bytesPerRun?: number;
  expectedSteps?: number;
  abs?: number;
  rel?: number;
  pwRel?: number;
  keyframe?: number;
  coder?: Coder;
  modelShare?: ModelShare;
  secondsPerStep?: number;
}

/** A number above 0, with k, M, G suffixes (powers of 1000) where bytes are meant. */
export function positive(name: string): (text: string) => number {
  return (text) => {
    const match = /^(\d+(?:\.\d+)?(?:e[+-]?\d+)?)([kMG]?)$/i.exec(text);
    const scale = { '': 1, k: 1e3, m: 1e6, g: 1e9 }[match?.[2]?.toLowerCase() ?? ''] ?? 1;
    const value = match ? Number(match[1]) * scale : Number.NaN;
    if (!(value > 0) || !Number.isFinite(value)) {
      throw new GaussituError('INVALID_ARGUMENT', name, { expected: 'a number above 0', received: text });
    }
    return value;
  };
}

function atLeastZero(name: string): (text: string) => number {
  return (text) => {
    const value = text.trim() === '' ? Number.NaN : Number(text);
    if (!(value >= 0) || !Number.isFinite(value)) {
      throw new GaussituError('INVALID_ARGUMENT', name, {
        expected: 'a number of at least 0',
        received: text,
      });
    }
    return value;
  };
}

function betweenZeroAndOne(name: string): (text: string) => number {
  return (text) => {
    const value = text.trim() === '' ? Number.NaN : Number(text);
    if (!(value > 0 && value < 1)) {
      throw new GaussituError('INVALID_ARGUMENT', name, {
        expected: 'a number above 0 and below 1',
        received: text,
      });
    }
    return value;
  };
}

function wholeAboveZero(name: string): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new GaussituError('INVALID_ARGUMENT', name, {
        expected: 'a whole number above 0',
        received: text,
      });
    }
    return value;
  };
}

function share(text: string): ModelShare {
  if (text === 'auto' || text === 'best') return text;
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (value >= 0 && value <= 1) return value;
  throw new GaussituError('INVALID_ARGUMENT', '--model-share', {
    expected: 'auto, best or a number from 0 to 1',
    received: text,
  });
}

/** The targets that serve and replay share. */
export function addTargetOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--ratio <R>', 'raw bytes over stored bytes of every field, e.g. 100')
        .argParser(positive('--ratio'))
        .conflicts(['psnr', 'bytesPerStep', 'bytesPerRun', 'abs', 'rel', 'pwRel']),
    )
    .addOption(
      new Option('--psnr <dB>', 'PSNR over the value range, e.g. 42')
        .argParser(positive('--psnr'))
        .conflicts(['ratio', 'bytesPerStep', 'bytesPerRun', 'abs', 'rel', 'pwRel']),
    )
    .addOption(
      new Option('--bytes-per-step <N>', 'stored bytes of one step, all fields together, e.g. 200k')
        .argParser(positive('--bytes-per-step'))
        .conflicts(['ratio', 'psnr', 'bytesPerRun', 'abs', 'rel', 'pwRel']),
    )
    .addOption(
      new Option(
        '--bytes-per-run <N>',
        'bytes of the whole run folder, all steps and fields together, e.g. 50M',
      )
        .argParser(positive('--bytes-per-run'))
        .conflicts(['ratio', 'psnr', 'bytesPerStep', 'abs', 'rel', 'pwRel']),
    )
    .addOption(
      new Option('--expected-steps <N>', 'with --bytes-per-run: how many steps the run will have').argParser(
        wholeAboveZero('--expected-steps'),
      ),
    )
    .addOption(
      new Option('--abs <E>', 'every value within E, in field units; 0: bit for bit')
        .argParser(atLeastZero('--abs'))
        .conflicts(['ratio', 'psnr', 'bytesPerStep', 'bytesPerRun', 'rel', 'pwRel']),
    )
    .addOption(
      new Option(
        '--rel <E>',
        'every value within E times the value range of its block at that step (not of the run so far), e.g. 1e-3',
      )
        .argParser(atLeastZero('--rel'))
        .conflicts(['ratio', 'psnr', 'bytesPerStep', 'bytesPerRun', 'abs', 'pwRel']),
    )
    .addOption(
      new Option(
        '--pw-rel <E>',
        'every value within E times its own size, zeros and signs exactly, e.g. 1e-2',
      )
        .argParser(betweenZeroAndOne('--pw-rel'))
        .conflicts(['ratio', 'psnr', 'bytesPerStep', 'bytesPerRun', 'abs', 'rel']),
    )
    .addOption(
      new Option(
        '--keyframe <K>',
        'every K steps one that decodes without the steps before it (default: 16)',
      ).argParser(wholeAboveZero('--keyframe')),
    )
    .addOption(
      new Option(
        '--coder <how>',
        'with --ratio, --psnr, --bytes-per-*: Gaussian models, residuals, or the better of them block by block (default: gaussian)',
      ).choices(CODERS),
    )
    .addOption(
      new Option(
        '--model-share <S>',
        'with --abs, --rel: bytes for a Gaussian model beside the residual, of what a block takes without: auto (2.5 %), ' +
          '0 none, best (keyframes 5 to 30 % smaller, many seconds of training) or a share like 0.3 (default: auto)',
      ).argParser(share),
    )
    .addOption(
      new Option(
        '--seconds-per-step <S>',
        'time to train and quantise the models of one step, all fields together; residuals and verifying come on top',
      ).argParser(positive('--seconds-per-step')),
    );
}

export function targetOf(options: TargetOptions): Target | undefined {
  if (options.ratio !== undefined) return { ratio: options.ratio };
  if (options.psnr !== undefined) return { psnr: options.psnr };
  if (options.bytesPerStep !== undefined) return { bytes: options.bytesPerStep };
  if (options.bytesPerRun !== undefined) return { bytesPerRun: options.bytesPerRun };
  if (options.abs !== undefined) return { abs: options.abs };
  if (options.rel !== undefined) return { rel: options.rel };
  if (options.pwRel !== undefined) return { pwRel: options.pwRel };
  return undefined;
}

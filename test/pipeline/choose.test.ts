import { describe, expect, test } from 'vitest';
import type { FieldRecord } from '../../src/archive/types.js';
import { Choices } from '../../src/pipeline/choose.js';
import type { BlockJob } from '../../src/pipeline/job.js';

const BYTES = 1000;
const job = {
  chain: 'u',
  plan: { coder: 'auto' },
  rawBytes: 100 * BYTES,
  box: { count: 25 * BYTES },
} as BlockJob;

function record(kind: 'gaussian' | 'bounded', psnr: number, alone = false): FieldRecord {
  const references = alone ? {} : { references: { earlier: [0], siblings: [] } };
  return { kind, payload: new Uint8Array(BYTES), certificate: { psnr }, ...references } as FieldRecord;
}

/** Takes steps of [model, residual], dB; what was kept of each, and whether a model was trained for it. */
async function run(steps: [number, number][]): Promise<string[]> {
  const choices = new Choices();
  const kept: string[] = [];
  for (const [i, [model, residual]] of steps.entries()) {
    let trained = false;
    const history = i > 0;
    const choice = { job, target: { bytes: BYTES }, seconds: 0, history, specials: false };
    const best = await choices.choose(choice, {
      gaussian: () => {
        trained = true;
        return Promise.resolve(record('gaussian', model, !history));
      },
      residual: () => Promise.resolve(record('bounded', residual, !history)),
    });
    kept.push(trained ? `${best.kind}, trained` : best.kind);
  }
  return kept;
}

describe('coder auto', () => {
  test('takes a residual as it is where it is 2 dB better than a model that stands alone', async () => {
    const first: [number, number] = [40, 37];
    const trained = 'gaussian, trained';
    expect(await run([first, [43, 41.9]])).toEqual([trained, trained]);
    expect(await run([first, [43, 42.1]])).toEqual([trained, 'bounded']);
  });

  test('and 1 dB better than one of changes, or trains and keeps the better', async () => {
    const before: [number, number][] = [
      [40, 37],
      [43, 41],
    ];
    expect((await run([...before, [44.5, 43.9]])).at(-1)).toBe('gaussian, trained');
    expect((await run([...before, [43.5, 43.9]])).at(-1)).toBe('bounded, trained');
    expect((await run([...before, [44.5, 44.1]])).at(-1)).toBe('bounded');
  });
});

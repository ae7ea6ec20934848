import type { Writable } from 'node:stream';
import { once } from 'node:events';
import type { ArchiveReader } from '../archive/types.js';
import { startBp } from '../bp/program.js';
import type { Codec } from '../codec/types.js';
import { decodeField } from './decode.js';

export interface BpExport {
  fields?: readonly string[];
  steps: readonly number[];
  onStep?: (step: number) => void;
}

/**
 * Decoded steps as a BP5 file: every field as a global array, every value of a step as a variable, its attributes (@name) as
 * attributes, and the time as `time` unless there is one. Throws NOT_FOUND, CORRUPT_STREAM, UNSUPPORTED (no gaussitu-bp).
 */
export async function exportBp(
  archive: ArchiveReader,
  codec: Codec,
  path: string,
  options: BpExport,
): Promise<void> {
  const { stdin, done } = startBp(['put', path]);
  // A writer that is gone says so through `done`.
  stdin.on('error', () => {});
  const write = (data: string | Uint8Array): Promise<void> => Promise.race([send(stdin, data), done]);
  for (const number of options.steps) {
    const step = await archive.readStep(number);
    await write('step\n');
    await writeValues(write, { time: step.time, ...step.values });
    for (const name of new Set(step.fields.map((f) => f.name))) {
      if (options.fields && !options.fields.includes(name)) continue;
      const { data, dtype, shape } = await decodeField(archive, codec, step, name);
      await write(
        `array\t${name.replaceAll(':', '/')}\t${dtype}\t${axes(shape).join('x')}\t${data.length}\n`,
      );
      await write(data);
    }
    options.onStep?.(number);
  }
  stdin.end();
  await done;
}

async function send(stream: Writable, data: string | Uint8Array): Promise<void> {
  if (!stream.write(data)) await once(stream, 'drain');
}

async function writeValues(
  write: (data: string) => Promise<void>,
  values: Record<string, unknown>,
): Promise<void> {
  for (const [name, value] of Object.entries(values)) {
    const variable = name.replaceAll(':', '/');
    if (typeof value === 'number') await write(`number\t${variable}\t${value}\n`);
    else {
      const text = typeof value === 'string' ? value : JSON.stringify(value);
      await write(`text\t${variable}\t${Buffer.byteLength(text)}\n${text}`);
    }
  }
}

/** Arrays of fewer than three axes came with leading ones. */
function axes(shape: readonly number[]): readonly number[] {
  const first = shape.findIndex((n) => n !== 1);
  return first < 0 ? [1] : shape.slice(first);
}

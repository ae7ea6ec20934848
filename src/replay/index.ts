import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { GaussituError } from '../errors.js';
import { openBp } from './bp.js';
import { openHdf5 } from './hdf5.js';
import { Hdf5File } from './hdf5_file.js';
import { openRaw } from './raw.js';
import type { Input, InputOptions } from './types.js';
import { openVtkHdf } from './vtkhdf.js';

/**
 * Opens archived raw timesteps: a folder of raw arrays with meta.json, an HDF5 file, or a VTKHDF file (docs/data.md).
 * Throws NOT_FOUND, INVALID_INPUT, INVALID_ARGUMENT.
 */
export async function openInput(path: string, options: InputOptions = {}): Promise<Input> {
  const found = await stat(path).catch((error: unknown) => {
    throw new GaussituError('NOT_FOUND', `${path} cannot be opened`, {
      received: error instanceof Error ? error.message : String(error),
      cause: error,
    });
  });
  if (found.isDirectory()) {
    const meta = await stat(join(path, 'meta.json')).catch(() => undefined);
    if (meta) return openRaw(path, options);
    // BP4 and BP5 are folders; BP3 files are not read.
    if (await stat(join(path, 'md.idx')).catch(() => undefined)) return openBp(path, options);
    throw new GaussituError('INVALID_INPUT', `${path} has no meta.json`, {
      expected: 'a folder of raw arrays with meta.json, an HDF5 file or a VTKHDF file',
      hint: (await stat(join(path, 'run.json')).catch(() => undefined))
        ? 'this is a run folder: see gaussitu decode'
        : 'docs/data.md describes what can be read',
    });
  }
  const file = await Hdf5File.open(path);
  try {
    return file.has('/VTKHDF') ? openVtkHdf(file, options) : openHdf5(file, options);
  } catch (error) {
    file.close();
    throw error;
  }
}

export { replayInfo, replaySource, type ReplayOptions } from './source.js';
export type { Input, InputField, InputOptions } from './types.js';

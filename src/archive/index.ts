import { openReader } from './reader.js';
import type { ArchiveReader, ArchiveWriter, ArchiveWriterOptions } from './types.js';
import { openWriter } from './writer.js';

/**
 * Opens a run folder for writing, making it or going on where it stopped. Throws ARCHIVE_BUSY when another run or
 * another live process has it, ARCHIVE_FAILED when it cannot be written, CORRUPT_STREAM when what is there is damaged.
 */
export function openArchiveWriter(path: string, options: ArchiveWriterOptions): Promise<ArchiveWriter> {
  return openWriter(path, options);
}

/** Opens a run folder for reading, also while it is written. Throws NOT_FOUND, CORRUPT_STREAM, UNSUPPORTED. */
export function openArchive(path: string): Promise<ArchiveReader> {
  return openReader(path);
}

export { stepOverhead } from './step_file.js';
export { byField, mergeCertificates, summarise } from './summary.js';
export type * from './types.js';

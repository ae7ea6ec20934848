/** Public API: run the service or its parts inside your own Node program. */
export { GaussituError, type ErrorCode, type ErrorDetails } from './errors.js';
export type * from './protocol/field.js';
export type * from './protocol/mesh.js';
export type * from './protocol/source.js';
export * from './config/index.js';
export { runPipeline, type PipelineOptions, type PipelineResult } from './pipeline/index.js';
export { openIngest, type IngestOptions, type IngestServer, type RunHost } from './ingest/index.js';
export { createCodec } from './codec/index.js';
export { openArchive, openArchiveWriter } from './archive/index.js';
export type * from './archive/types.js';
export type * from './codec/types.js';

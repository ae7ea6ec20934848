export { runPipeline } from './run.js';
export type { PipelineOptions, PipelineResult, RunPipeline } from './types.js';

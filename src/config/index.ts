export { loadRunFile, parseRunFile } from './load.js';
export { mergeSettings, recorded, DEFAULT_MEMORY, type CommandLineSettings } from './settings.js';
export { resolveField, type FieldPlan } from './resolve.js';
export { matchesGlob } from './glob.js';
export { parseBytes, type RunFile } from './schema.js';
export * from './types.js';

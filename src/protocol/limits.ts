/** Bounds of wire protocol v1 (docs/protocol.md): everything that comes from outside has one. */
export const PROTOCOL_VERSION = 1;
export const MAX_HEADER_BYTES = 64 * 1024;
export const MAX_HEADER_DEPTH = 8;
export const MAX_HEADER_ITEMS = 4096;
/** Frames of one message after the header. */
export const MAX_FRAMES = 8;
export const MAX_NAME = 200;
export const MAX_RANKS = 65536;
export const MAX_COMPONENTS = 9;
/** Nodes per axis of a grid: indices fit 32 bits in the core. */
export const MAX_DIM = 2 ** 31 - 1;
/** Levels of a refined grid. */
export const MAX_LEVEL = 63;
/** Steps of one run that may be under way at once. */
export const MAX_OPEN_STEPS = 256;
/** Different (field, mesh, block) of one step. */
export const MAX_STEP_FIELDS = 65536;

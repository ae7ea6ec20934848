export { checkAddress } from './address.js';
export { openIngest, type IngestOptions, type IngestServer, type RunHost } from './server.js';

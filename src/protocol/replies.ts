import { Packr } from 'msgpackr';
import type { ErrorCode } from '../errors.js';

/** What the service says to a rank. docs/protocol.md tells what a client does with each. */
export type ServiceMessage =
  | { t: 'welcome'; v: 1; credit: number; committed: number; maxMessage: number }
  | { t: 'refuse'; code: ErrorCode; message: string }
  | { t: 'credit'; bytes: number }
  | { t: 'ack'; step: number; raw: number; stored: number; fields: AckField[] }
  | { t: 'error'; code: ErrorCode; message: string; step?: number; field?: string }
  | { t: 'pong' };

export interface AckField {
  field: string;
  psnr: number;
  maxError: number;
}

// Plain maps that any msgpack library reads: no records, no shared structures, no extension types.
const packr = new Packr({ useRecords: false, variableMapSize: true, structuredClone: false });

export function encodeReply(message: ServiceMessage): Buffer {
  return packr.pack(message);
}

import { Unpackr } from 'msgpackr';
import type { z } from 'zod';
import { GaussituError, type ErrorCode } from '../errors.js';
import { CLIENT_SCHEMAS, type ClientMessage } from './messages.js';
import { PROTOCOL_VERSION } from './limits.js';
import { scanHeader } from './scan.js';

const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true, int64AsType: 'number' });

/** Which of the protocol's codes stands for a wrong value of which key. */
const CODES: Readonly<Record<string, ErrorCode>> = {
  v: 'VERSION',
  run: 'RUN',
  rank: 'RANK',
  ranks: 'RANK',
  dtype: 'BAD_DTYPE',
  shape: 'BAD_SHAPE',
  dims: 'BAD_SHAPE',
  ghost: 'BAD_SHAPE',
  step: 'BAD_STEP',
};

/**
 * Frame 0 of a client's message: scanned, decoded, held to its schema.
 * Throws BAD_HEADER (not msgpack as allowed, missing or wrong keys), or the code that CODES names for the key.
 */
export function decodeHeader(bytes: Uint8Array): ClientMessage {
  scanHeader(bytes);
  const raw = unpackr.unpack(bytes) as Record<string, unknown>;
  const type = raw['t'];
  const schema = typeof type === 'string' && Object.hasOwn(CLIENT_SCHEMAS, type) ? type : undefined;
  if (schema === undefined) {
    throw new GaussituError('BAD_HEADER', 'message type t', {
      expected: Object.keys(CLIENT_SCHEMAS).join(', '),
      received: show(type),
    });
  }
  const parsed = CLIENT_SCHEMAS[schema as keyof typeof CLIENT_SCHEMAS].safeParse(raw);
  if (!parsed.success) throw schemaError(schema, raw, parsed.error.issues[0]);
  if (parsed.data.t === 'hello') checkHello(parsed.data);
  return parsed.data;
}

function checkHello(hello: Extract<ClientMessage, { t: 'hello' }>): void {
  if (hello.v !== PROTOCOL_VERSION) {
    throw new GaussituError('VERSION', 'protocol version', {
      expected: String(PROTOCOL_VERSION),
      received: String(hello.v),
      hint: 'use a client library and a service of the same major version',
    });
  }
  if (hello.rank >= hello.ranks) {
    throw new GaussituError('RANK', 'rank', {
      expected: `0 to ${hello.ranks - 1}`,
      received: String(hello.rank),
    });
  }
}

function schemaError(type: string, raw: unknown, issue: z.core.$ZodIssue | undefined): GaussituError {
  const path = issue?.path ?? [];
  let value: unknown = raw;
  for (const key of path) value = (value as Record<PropertyKey, unknown> | undefined)?.[key];
  const where = [type, ...path.map(String)].join('.');
  const last = path.findLast((key) => typeof key === 'string');
  return new GaussituError(CODES[String(last)] ?? 'BAD_HEADER', where, {
    expected: (issue?.message ?? 'a valid message').replace(/^Invalid input: expected /, ''),
    received: show(value),
  });
}

/** A short, printable form of an outside value. */
function show(value: unknown): string {
  const text = value === undefined ? 'nothing' : (JSON.stringify(value) ?? typeof value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

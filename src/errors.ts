/**
 * The one error family of Gaussitu: says what was expected, what came, and how to mend it.
 */
export type ErrorCode =
  | 'INVALID_ARGUMENT'
  | 'INVALID_CONFIG'
  | 'INVALID_INPUT'
  | 'BAD_HEADER'
  | 'BAD_MESSAGE'
  | 'BAD_SHAPE'
  | 'BAD_DTYPE'
  | 'BAD_STEP'
  | 'CHECKSUM'
  | 'TOO_LARGE'
  | 'UNKNOWN_MESH'
  | 'HELLO_EXPECTED'
  | 'VERSION'
  | 'RUN'
  | 'RUN_BUSY'
  | 'RANK'
  | 'FIELD_FAILED'
  | 'ARCHIVE_FAILED'
  | 'ARCHIVE_BUSY'
  | 'CORRUPT_STREAM'
  | 'UNSUPPORTED'
  | 'UNAVAILABLE'
  | 'CANCELLED'
  | 'ADDRESS_IN_USE'
  | 'NOT_FOUND'
  | 'VERIFY_FAILED'
  | 'SHUTTING_DOWN'
  | 'INTERNAL';

export interface ErrorDetails {
  expected?: string;
  received?: string;
  hint?: string;
  cause?: unknown;
}

export class GaussituError extends Error {
  readonly code: ErrorCode;
  readonly expected: string | undefined;
  readonly received: string | undefined;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    const parts = [message];
    if (details.expected !== undefined) parts.push(`expected ${details.expected}`);
    if (details.received !== undefined) parts.push(`received ${details.received}`);
    super(parts.join(': ').replace(/: received/, ', received') + (details.hint ? ` (${details.hint})` : ''), {
      cause: details.cause,
    });
    this.name = 'GaussituError';
    this.code = code;
    this.expected = details.expected;
    this.received = details.received;
    this.hint = details.hint;
  }
}

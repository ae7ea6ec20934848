import { isUtf8 } from 'node:buffer';
import { GaussituError } from '../errors.js';
import { MAX_HEADER_BYTES, MAX_HEADER_DEPTH, MAX_HEADER_ITEMS } from './limits.js';

function refuse(what: string, expected: string, received: string): never {
  throw new GaussituError('BAD_HEADER', `message header, ${what}`, { expected, received });
}

/**
 * Walks msgpack bytes without decoding them and throws BAD_HEADER unless they are exactly one map of plain values:
 * no extension types (a decoder would build Errors, RegExps, records from them), depth, item and byte limits, no
 * duplicate or non-string keys, valid UTF-8, nothing after the end. Decoding is safe afterwards.
 */
export function scanHeader(bytes: Uint8Array): void {
  if (bytes.length === 0) refuse('size', 'a msgpack map', 'no bytes');
  if (bytes.length > MAX_HEADER_BYTES)
    refuse('size', `at most ${MAX_HEADER_BYTES} bytes`, `${bytes.length} bytes`);
  const first = bytes[0] ?? 0;
  if ((first & 0xf0) !== 0x80 && first !== 0xde && first !== 0xdf) {
    refuse('first byte', 'a msgpack map', `0x${first.toString(16)}`);
  }
  const end = new Scanner(bytes).value(0, 0);
  if (end !== bytes.length) refuse('end', 'one map', `${bytes.length - end} bytes after it`);
}

class Scanner {
  private items = 0;
  private readonly view: DataView;

  constructor(private readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Returns the offset after the value that starts at `at`. */
  value(at: number, depth: number): number {
    if (++this.items > MAX_HEADER_ITEMS) {
      refuse('items', `at most ${MAX_HEADER_ITEMS}`, 'more');
    }
    const tag = this.bytes[at];
    if (tag === undefined) return refuse('end', 'a value', 'the end of the bytes');
    if (tag < 0x80 || tag >= 0xe0 || tag === 0xc0 || tag === 0xc2 || tag === 0xc3) return at + 1;
    if (tag < 0x90) return this.map(at + 1, tag & 0x0f, depth + 1);
    if (tag < 0xa0) return this.array(at + 1, tag & 0x0f, depth + 1);
    if (tag < 0xc0) return this.string(at + 1, tag & 0x1f);
    switch (tag) {
      case 0xc4:
        return this.skip(at + 2, this.length(at + 1, 1));
      case 0xc5:
        return this.skip(at + 3, this.length(at + 1, 2));
      case 0xc6:
        return this.skip(at + 5, this.length(at + 1, 4));
      case 0xcc:
      case 0xd0:
        return this.skip(at + 1, 1);
      case 0xcd:
      case 0xd1:
        return this.skip(at + 1, 2);
      case 0xca:
      case 0xce:
      case 0xd2:
        return this.skip(at + 1, 4);
      case 0xcb:
      case 0xcf:
      case 0xd3:
        return this.skip(at + 1, 8);
      case 0xd9:
        return this.string(at + 2, this.length(at + 1, 1));
      case 0xda:
        return this.string(at + 3, this.length(at + 1, 2));
      case 0xdb:
        return this.string(at + 5, this.length(at + 1, 4));
      case 0xdc:
        return this.array(at + 3, this.length(at + 1, 2), depth + 1);
      case 0xdd:
        return this.array(at + 5, this.length(at + 1, 4), depth + 1);
      case 0xde:
        return this.map(at + 3, this.length(at + 1, 2), depth + 1);
      case 0xdf:
        return this.map(at + 5, this.length(at + 1, 4), depth + 1);
      default:
        return refuse(
          'type',
          'maps, arrays, strings, numbers, booleans, nil, bin',
          `tag 0x${tag.toString(16)}`,
        );
    }
  }

  private length(at: number, width: 1 | 2 | 4): number {
    this.skip(at, width);
    if (width === 1) return this.view.getUint8(at);
    return width === 2 ? this.view.getUint16(at) : this.view.getUint32(at);
  }

  private skip(at: number, count: number): number {
    if (at + count > this.bytes.length) refuse('end', `${count} more bytes`, `${this.bytes.length - at}`);
    return at + count;
  }

  private string(at: number, count: number): number {
    const end = this.skip(at, count);
    if (!isUtf8(this.bytes.subarray(at, end))) refuse('string', 'UTF-8', 'other bytes');
    return end;
  }

  private array(at: number, count: number, depth: number): number {
    this.enter(depth);
    for (let i = 0; i < count; i++) at = this.value(at, depth);
    return at;
  }

  private map(at: number, count: number, depth: number): number {
    this.enter(depth);
    const keys = new Set<string>();
    for (let i = 0; i < count; i++) {
      const end = this.value(at, depth);
      const key = this.key(at, end);
      if (keys.has(key)) refuse('keys', 'each key once', `${JSON.stringify(key)} twice`);
      keys.add(key);
      at = this.value(end, depth);
    }
    return at;
  }

  private key(at: number, end: number): string {
    const tag = this.bytes[at] ?? 0;
    const prefix = tag >= 0xa0 && tag < 0xc0 ? 1 : { 0xd9: 2, 0xda: 3, 0xdb: 5 }[tag];
    if (prefix === undefined) return refuse('keys', 'strings', `tag 0x${tag.toString(16)}`);
    const key = Buffer.from(this.bytes.subarray(at + prefix, end)).toString('utf8');
    if (key === '__proto__') refuse('keys', 'plain names', key);
    return key;
  }

  private enter(depth: number): void {
    if (depth > MAX_HEADER_DEPTH) refuse('depth', `at most ${MAX_HEADER_DEPTH}`, 'deeper');
  }
}

import { Packr } from 'msgpackr';
import { describe, expect, test } from 'vitest';
import { GaussituError } from '../../src/errors.js';
import { decodeHeader } from '../../src/protocol/decode.js';
import { encodeReply } from '../../src/protocol/replies.js';
import { MAX_HEADER_BYTES } from '../../src/protocol/limits.js';

const packr = new Packr({ useRecords: false, variableMapSize: true });
const pack = (value: unknown): Buffer => packr.pack(value);

const HELLO = { t: 'hello', v: 1, run: 'gs', rank: 0, ranks: 2, client: 'test' };
const FIELD = {
  t: 'field',
  step: 3,
  field: 'u',
  mesh: 'grid',
  block: 0,
  assoc: 'node',
  dtype: 'f32',
  shape: [64],
};

function codeOf(bytes: Uint8Array): string {
  try {
    decodeHeader(bytes);
  } catch (error) {
    if (error instanceof GaussituError) return error.code;
    throw error;
  }
  return 'taken';
}

describe('a message header', () => {
  test.each([
    [HELLO],
    [{ ...HELLO, meta: { code: 'x', dt: 0.5 }, targets: { 'u*': { ratio: 50 } } }],
    [
      {
        t: 'mesh',
        mesh: 'g',
        block: 0,
        kind: 'uniform',
        dims: [4, 4, 4],
        origin: [0, 0, 0],
        spacing: [1, 1, 1],
      },
    ],
    [{ t: 'begin', step: 0, time: 0.25 }],
    [{ t: 'begin', step: 2 ** 40, time: -1 }],
    [FIELD],
    [{ ...FIELD, shape: [64, 3], units: 'm/s', target: { psnr: 40 }, crc: 0xdeadbeef }],
    [{ t: 'end', step: 3, fields: 2 }],
    [{ t: 'ping' }],
    [{ t: 'bye' }],
  ])('is read as it was written: %j', (message) => {
    expect(decodeHeader(pack(message))).toEqual(message);
  });

  test('may have keys that this version does not know', () => {
    expect(decodeHeader(pack({ t: 'ping', since: 'v2', extra: [1, { a: null }] }))).toEqual({ t: 'ping' });
  });

  test.each<[string, unknown, string]>([
    ['another protocol version', { ...HELLO, v: 2 }, 'VERSION'],
    ['a run id with a slash', { ...HELLO, run: '../etc' }, 'RUN'],
    ['a run id that starts with a dot', { ...HELLO, run: '.hidden' }, 'RUN'],
    ['a rank beyond ranks', { ...HELLO, rank: 2 }, 'RANK'],
    ['too many ranks', { ...HELLO, ranks: 1e6 }, 'RANK'],
    ['two targets at once', { ...FIELD, target: { ratio: 10, psnr: 40 } }, 'BAD_HEADER'],
    ['a target of zero', { ...FIELD, target: { ratio: 0 } }, 'BAD_HEADER'],
    ['an unknown dtype', { ...FIELD, dtype: 'f16' }, 'BAD_DTYPE'],
    ['no shape', { ...FIELD, shape: [] }, 'BAD_SHAPE'],
    ['a negative shape', { ...FIELD, shape: [-1] }, 'BAD_SHAPE'],
    ['ten components', { ...FIELD, shape: [64, 10] }, 'BAD_SHAPE'],
    ['a step that is no integer', { ...FIELD, step: 1.5 }, 'BAD_STEP'],
    ['a negative step', { t: 'begin', step: -1, time: 0 }, 'BAD_STEP'],
    ['a time that is not finite', { t: 'begin', step: 1, time: Number.NaN }, 'BAD_HEADER'],
    ['a field name with a slash', { ...FIELD, field: 'a/b' }, 'BAD_HEADER'],
    ['a field name with a control character', { ...FIELD, field: 'a\u0007' }, 'BAD_HEADER'],
    ['a field name of 201 characters', { ...FIELD, field: 'x'.repeat(201) }, 'BAD_HEADER'],
    ['an unknown type', { t: 'steal' }, 'BAD_HEADER'],
    ['a type that is a property of every object', { t: 'constructor' }, 'BAD_HEADER'],
    ['no type', { v: 1 }, 'BAD_HEADER'],
    ['a number', 7, 'BAD_HEADER'],
    ['an array', [HELLO], 'BAD_HEADER'],
    ['an extension type', { ...HELLO, meta: { when: new Date(0) } }, 'BAD_HEADER'],
    ['more than 4096 items', { t: 'ping', x: Array.from({ length: 5000 }, () => 0) }, 'BAD_HEADER'],
    ['nesting', { t: 'ping', x: JSON.parse('['.repeat(9) + ']'.repeat(9)) }, 'BAD_HEADER'],
  ])('is refused for %s', (_, message, code) => {
    expect(codeOf(pack(message))).toBe(code);
  });

  test.each<[string, Buffer]>([
    ['no bytes', Buffer.alloc(0)],
    ['trailing bytes', Buffer.concat([pack({ t: 'ping' }), Buffer.from([0xc0])])],
    [
      'a key twice',
      Buffer.concat([Buffer.from([0x82]), ...[1, 2].map(() => Buffer.from('a174a470696e67', 'hex'))]),
    ],
    ['a key that is a number', Buffer.from([0x81, 0x01, 0x02])],
    ['the key __proto__', Buffer.concat([Buffer.from([0x81]), pack('__proto__'), Buffer.from([0x80])])],
    ['text that is not UTF-8', Buffer.from([0x81, 0xa1, 0x74, 0xa2, 0xff, 0xfe])],
    ['the reserved byte 0xc1', Buffer.from([0x81, 0xa1, 0x74, 0xc1])],
    ['a string that claims 4 GB', Buffer.from([0x81, 0xa1, 0x74, 0xdb, 0xff, 0xff, 0xff, 0xff])],
    ['a map that claims 4 G entries', Buffer.from([0xdf, 0xff, 0xff, 0xff, 0xff, 0xa1, 0x74])],
    ['too many bytes', Buffer.concat([pack({ t: 'ping' }), Buffer.alloc(MAX_HEADER_BYTES)])],
  ])('is refused for %s', (_, bytes) => {
    expect(codeOf(bytes)).toBe('BAD_HEADER');
  });

  test('says what was expected and what came', () => {
    const wrong = pack({ ...FIELD, dtype: 'f16' });
    expect(() => decodeHeader(wrong)).toThrow(/field\.dtype.*f32.*received "f16"/);
  });

  test('truncated or mutated 100,000 times never does worse than to be refused', () => {
    const seeds = [
      HELLO,
      { ...HELLO, meta: { a: 'b', n: 1.5 }, targets: { '*': { bytes: 1000 } } },
      FIELD,
      {
        t: 'mesh',
        mesh: 'm',
        block: 1,
        kind: 'points',
        arrays: [{ name: 'points', dtype: 'f64', shape: [5, 3] }],
      },
      { t: 'end', step: 9, fields: 3 },
    ].map(pack);
    let state = 12345;
    const random = (n: number): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * n);
    };
    const outcomes = new Map<string, number>();
    for (let i = 0; i < 100_000; i++) {
      let bytes = Buffer.from(seeds[random(seeds.length)] ?? Buffer.alloc(1));
      for (let m = random(4); m >= 0; m--) bytes[random(bytes.length)] = random(256);
      if (random(4) === 0) bytes = bytes.subarray(0, random(bytes.length + 1));
      const code = codeOf(bytes);
      outcomes.set(code, (outcomes.get(code) ?? 0) + 1);
    }
    // Both ways out were taken, so the mutations reach beyond the first byte.
    expect(outcomes.get('taken')).toBeGreaterThan(1000);
    expect(outcomes.get('BAD_HEADER')).toBeGreaterThan(30_000);
  });
});

test('replies are plain msgpack without extension types', () => {
  const bytes = encodeReply({
    t: 'ack',
    step: 2,
    raw: 8_388_608,
    stored: 2 ** 33,
    fields: [{ field: 'u', psnr: Infinity, maxError: 0.5 }],
  });
  expect(new Packr({ useRecords: false, int64AsType: 'number' }).unpack(bytes)).toEqual({
    t: 'ack',
    step: 2,
    raw: 8_388_608,
    stored: 2 ** 33,
    fields: [{ field: 'u', psnr: Infinity, maxError: 0.5 }],
  });
});

import { describe, expect, test } from 'vitest';
import { matchesGlob, mergeSettings, parseRunFile, resolveField } from '../../src/config/index.js';

const messageOf = (text: string): string => {
  try {
    parseRunFile(text, 'run.yaml');
  } catch (error) {
    expect(error).toMatchObject({ code: 'INVALID_CONFIG' });
    return (error as Error).message;
  }
  return 'accepted';
};

const FILE = `
out: run
listen: tcp://127.0.0.1:6000
memory: 2G
threads: 3
device: cuda:1
deviceMemory: 4G
secondsPerStep: 10
fields:
  - {match: "vel*", psnr: 48, optimiser: adam, iterations: 50}
  - {match: flags, model: false}
  - {match: "*", ratio: 200}
`;

describe('run.yaml', () => {
  test('is read', () => {
    const file = parseRunFile(FILE);
    expect(file).toMatchObject({ out: 'run', memory: 2e9, threads: 3, secondsPerStep: 10 });
    expect(file.fields).toHaveLength(3);
    expect(parseRunFile('')).toEqual({});
  });

  test.each([
    ['memroy: 1G', /run\.yaml:1:1: memroy: .*did you mean memory\?/],
    ['out: r\nfields:\n  - match: u\n    psnrs: 3', /run\.yaml:4:5: fields\.0\.psnrs: .*did you mean psnr\?/],
    [
      'out: r\nfields:\n  - match: u\n    ratio: -3',
      /run\.yaml:4:5: fields\.0\.ratio: expected a number above 0, received -3/,
    ],
    [
      'fields:\n  - {match: u, ratio: 3, psnr: 4}',
      /run\.yaml:2:5: fields\.0: expected at most one of ratio, psnr, bytes/,
    ],
    ['fields: {u: 3}', /run\.yaml:1:1: fields: expected a list/],
    ['memory: lots', /memory: expected a size above 0 like 512M.*received "lots"/],
    ['device: gpu', /device: expected auto, cpu or cuda:N, received "gpu"/],
    ['mesh: keep', /mesh: expected store or none, received "keep"/],
    ['out: [unclosed', /run\.yaml:1:\d+: expected YAML/],
    ['out: a\nout: b', /run\.yaml:2:1/],
    ['- a list', /the file/],
  ])('%j is refused, naming line, key and what was expected', (text, pattern) => {
    expect(messageOf(text)).toMatch(pattern);
  });
});

const names = (field: string): { component: string; field: string } => ({ component: field, field });

describe('settings', () => {
  test('come from the command line, then the file, then the simulation, then the default', () => {
    const file = parseRunFile(FILE);
    const asked = { target: { bytes: 9 }, targets: { 'p*': { ratio: 7 } } };
    const fromFile = mergeSettings(file, {});
    expect(resolveField(fromFile, names('velocity'), asked)).toMatchObject({
      target: { psnr: 48 },
      optimiser: 'adam',
      iterations: 50,
      model: true,
    });
    expect(resolveField(fromFile, names('flags'), asked)).toMatchObject({
      model: false,
      target: { ratio: 200 },
    });
    const fromLine = mergeSettings(file, { target: { ratio: 5 }, memory: 1e6 });
    expect(fromLine).toMatchObject({ memory: 1e6, threads: 3, device: 'cuda:1', deviceMemory: 4e9 });
    expect(mergeSettings(file, { device: 'auto' }).device).toBe('auto');
    expect(mergeSettings(parseRunFile(''), {})).toMatchObject({ device: 'cpu', deviceMemory: 0 });
    expect(resolveField(fromLine, names('velocity'), asked)).toMatchObject({
      target: { ratio: 5 },
      iterations: 50,
    });
    const none = mergeSettings({}, {});
    expect(resolveField(none, names('p'), asked).target).toEqual({ bytes: 9 });
    expect(resolveField(none, names('p'), { targets: asked.targets }).target).toEqual({ ratio: 7 });
    expect(resolveField(none, names('q'), { targets: asked.targets }).target).toEqual({ ratio: 100 });
  });

  test('match a vector by its name or by one of its components', () => {
    const settings = mergeSettings(
      parseRunFile('fields: [{match: u_z, psnr: 60}, {match: u, psnr: 40}]'),
      {},
    );
    expect(resolveField(settings, { component: 'u_x', field: 'u' }, {}).target).toEqual({ psnr: 40 });
    expect(resolveField(settings, { component: 'u_z', field: 'u' }, {}).target).toEqual({ psnr: 60 });
  });

  test('globs take everything but * and ? literally', () => {
    expect(matchesGlob('v*', 'velocity')).toBe(true);
    expect(matchesGlob('?', 'uv')).toBe(false);
    expect(matchesGlob('a.b', 'axb')).toBe(false);
    expect(matchesGlob('rho[0]', 'rho[0]')).toBe(true);
  });
});

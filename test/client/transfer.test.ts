import { describe, expect, it } from 'vitest';
import { DTYPES } from '../../src/protocol/field.js';
import { Probe, pattern, temporaryFolder } from './programs.js';
import { TestService, bytesOf, until } from './service.js';

describe('what a simulation puts is what the service gets', () => {
  it.each(DTYPES)('values of dtype %s arrive bit for bit', async (dtype) => {
    const service = await TestService.start();
    const probe = await Probe.open({ GAUSSITU_ENDPOINT: service.endpoint });
    await probe.say('define points m 0');
    await probe.say('begin 5 2.5');
    await probe.put({ name: 'f', count: 6, dtype: DTYPES.indexOf(dtype), components: 3, index: 2 });
    await probe.say('end');
    expect((await probe.say('close 90')).status).toBe('ok');
    const field = service.field(5, 'f')!;
    expect(field.message).toMatchObject({ dtype, shape: [6, 3], assoc: 'node', mesh: 'm', block: 0 });
    expect(field.frames[0]!.equals(pattern(18 * bytesOf(dtype), 5, 2))).toBe(true);
    expect(service.steps.get(5)!.get(0)!.time).toBe(2.5);
    expect(service.violations).toEqual([]);
    await until(() => service.byes.length === 1, 'goodbye came');
  });

  it('meshes of every kind arrive with their arrays', async () => {
    const service = await TestService.start();
    const probe = await Probe.open({ GAUSSITU_ENDPOINT: service.endpoint, GAUSSITU_CHECKSUM: '1' });
    const kinds = {
      uniform: 24,
      rectilinear: 12,
      curvilinear: 12,
      unstructured: 5,
      unstructured64: 5,
      points: 6,
      empty: 0,
    };
    for (const kind of Object.keys(kinds)) await probe.say(`define ${kind} ${kind} 3`);
    await probe.say('begin 0 0');
    for (const [mesh, count] of Object.entries(kinds))
      await probe.put({ name: `on_${mesh}`, mesh, block: 3, count });
    await probe.put({ name: 'cells', mesh: 'unstructured', block: 3, count: 2, association: 1 });
    await probe.put({ name: 'grid_cells', mesh: 'uniform', block: 3, count: 6, association: 1 });
    expect((await probe.say('end')).status).toBe('ok');
    expect((await probe.say('close 90')).status).toBe('ok');
    expect(service.violations).toEqual([]);
    expect(service.meshes.get('uniform/3')!.message).toMatchObject({
      dims: [4, 3, 2],
      origin: [-1, 2, 0.25],
      spacing: [0.5, 1, 2],
      ghost: [1, 0, 0, 1, 0, 0],
      start: [-1, 0, 2],
      global: [8, 8, 8],
    });
    const axes = service.meshes.get('rectilinear/3')!;
    expect(new Float64Array(new Uint8Array(axes.frames[0]!).buffer)).toEqual(Float64Array.of(0, 0.5, 1.5));
    const cells = service.meshes.get('unstructured64/3')!;
    expect(cells.message.arrays!.map((a) => `${a.name} ${a.dtype} ${a.shape.join('x')}`)).toEqual([
      'points f64 5x3',
      'connectivity i64 8',
      'offsets i64 3',
      'types u8 2',
    ]);
    expect(new BigInt64Array(new Uint8Array(cells.frames[1]!).buffer)).toEqual(
      BigInt64Array.of(0n, 1n, 2n, 3n, 1n, 2n, 3n, 4n),
    );
    expect(service.field(0, 'cells')!.message.assoc).toBe('cell');
    expect(service.field(0, 'on_empty')!.frames[0]).toHaveLength(0);
  });

  it('checksums are those of zlib', async () => {
    const { crc32 } = await import('node:zlib');
    const service = await TestService.start();
    const probe = await Probe.open({ GAUSSITU_ENDPOINT: service.endpoint, GAUSSITU_CHECKSUM: '1' });
    await probe.mesh(1237);
    await probe.step(0, 1237);
    await probe.say('close 90');
    for (const { message, frames } of [service.field(0, 'f')!]) expect(message.crc).toBe(crc32(frames[0]!));
    const mesh = service.meshes.get('m/0')!;
    expect(mesh.message.arrays![0]!.crc).toBe(crc32(mesh.frames[0]!));
  });

  it('meta, targets and units arrive', async () => {
    const service = await TestService.start();
    const probe = await Probe.open({ GAUSSITU_ENDPOINT: service.endpoint, GAUSSITU_RUN: 'wing-17' });
    await probe.mesh(10);
    await probe.say('begin 0 0');
    await probe.put({ count: 10, index: 1 });
    await probe.say('end');
    await probe.say('close 90');
    expect(service.hellos[0]).toMatchObject({
      run: 'wing-17',
      client: 'probe',
      meta: { code: 'probe', git: 'abc123' },
      targets: { 'p*': { psnr: 45 } },
    });
    expect(service.field(0, 'f')!.message).toMatchObject({ units: 'm/s', target: { ratio: 80 } });
  });

  it('a mesh is sent once, and again when it was replaced', async () => {
    const service = await TestService.start();
    const probe = await Probe.open({ GAUSSITU_ENDPOINT: service.endpoint });
    let meshes = 0;
    service.options.intercept = (_, __, message) => {
      if (message.t === 'mesh') meshes++;
      return false;
    };
    await probe.mesh(10);
    for (const step of [0, 1, 2]) await probe.step(step, 10);
    await probe.say('flush 90');
    expect(meshes).toBe(1);
    await probe.mesh(20);
    await probe.step(3, 20);
    expect((await probe.say('close 90')).status).toBe('ok');
    expect(meshes).toBe(2);
    expect(service.violations).toEqual([]);
  });

  it('borrowed arrays are sent without a copy and released when acknowledged', async () => {
    const service = await TestService.start({ acknowledge: false });
    const probe = await Probe.open({ GAUSSITU_ENDPOINT: service.endpoint });
    await probe.mesh(50_000);
    await probe.step(0, 50_000, 'borrow');
    await until(() => service.ends.length === 1, 'the step arrived');
    expect(await probe.status()).toMatchObject({ released: 0, peak: 0 });
    expect(service.field(0, 'f')!.frames[0]!.equals(pattern(200_000, 0))).toBe(true);
    service.acknowledge(0);
    await until(async () => (await probe.status()).released === 1, 'the array was released');
    // Also when the call fails, and in a step that is dropped by close.
    expect((await probe.put({ how: 'borrow' })).status).toBe('state');
    await probe.say('begin 1 0');
    await probe.put({ how: 'borrow', count: 50_000 });
    await probe.say('close 90');
    expect((await probe.say<{ released: number }>('released')).released).toBe(3);
  });

  it('works over ipc too, and large arrays keep to a small credit', async () => {
    const service = await TestService.start({
      listen: `ipc://${await temporaryFolder()}/socket`,
      credit: 1000,
    });
    const probe = await Probe.open({ GAUSSITU_ENDPOINT: service.endpoint });
    await probe.mesh(100_000);
    for (let step = 0; step < 5; step++) await probe.step(step, 100_000);
    expect((await probe.say('close 90')).status).toBe('ok');
    expect(service.violations).toEqual([]);
    expect(service.ends).toEqual([0, 1, 2, 3, 4]);
    expect(service.field(4, 'f')!.frames[0]!.equals(pattern(400_000, 4))).toBe(true);
  });

  it('sends nothing without credit', async () => {
    const service = await TestService.start({ credit: 1, returnCredit: false });
    const probe = await Probe.open({ GAUSSITU_ENDPOINT: service.endpoint });
    await probe.say('define uniform m 0');
    await probe.say('begin 0 0');
    await probe.put({ name: 'a', count: 24 });
    await probe.put({ name: 'b', count: 24 });
    await probe.say('end');
    await until(() => service.field(0, 'a'), 'the first field overdraws the credit');
    expect((await probe.say('flush 1')).status).toBe('timeout');
    expect(service.field(0, 'b')).toBeUndefined();
    service.grant(1000);
    expect((await probe.say('flush 90')).status).toBe('ok');
    expect(service.violations).toEqual([]);
  });
});

describe('mistakes of the caller are told at once', () => {
  it('wrong sizes, names, order and cells', async () => {
    const service = await TestService.start();
    const probe = await Probe.open({ GAUSSITU_ENDPOINT: service.endpoint });
    expect((await probe.say('define badcells m 0')).error).toMatch(/connectivity\[3\].*below 5.*received 9/);
    await probe.mesh(10);
    expect((await probe.put({ count: 10 })).status).toBe('state');
    expect((await probe.say('end')).status).toBe('state');
    await probe.say('begin 3 0');
    expect((await probe.say('begin 4 0')).error).toMatch(/end_step of step 3 first/);
    expect((await probe.put({ count: 11 })).error).toMatch(/expected 10 node values.*received 11/);
    expect((await probe.put({ count: 10, mesh: 'other' })).error).toMatch(/not defined/);
    expect((await probe.put({ count: 10, dtype: 12 })).error).toMatch(/gaussitu_dtype/);
    expect((await probe.put({ count: 10, components: 10 })).error).toMatch(/1 to 9/);
    expect((await probe.put({ count: 10, name: 'a/b' })).error).toMatch(/'\/'/);
    expect((await probe.put({ count: 10 })).status).toBe('ok');
    expect((await probe.put({ count: 10 })).error).toMatch(/already put/);
    expect((await probe.say('end')).status).toBe('ok');
    expect((await probe.say('begin 3 0')).error).toMatch(/above 3/);
    expect((await probe.say('close 90')).status).toBe('ok');
    expect(service.field(3, 'f')!.frames[0]!.equals(pattern(40, 3))).toBe(true);
    expect((await probe.say('begin 4 0')).error).toMatch(/open client/);
  });

  it.each([
    [{ GAUSSITU_RUN: '../x' }, /option run.*GAUSSITU_RUN/],
    [{ GAUSSITU_POLICY: 'maybe' }, /GAUSSITU_POLICY.*block, drop, spill or off/],
    [{ GAUSSITU_BUFFER_BYTES: '12 apples' }, /GAUSSITU_BUFFER_BYTES/],
    [{ GAUSSITU_ENDPOINT: 'somewhere' }, /option endpoint.*somewhere/],
    [{ GAUSSITU_LIVENESS_SECONDS: '0' }, /liveness_seconds/],
  ])('open refuses %o', async (env, sentence) => {
    const probe = Probe.start(env);
    const { status, error } = await probe.say('open 0 1');
    expect(status).toBe('invalid');
    expect(error).toMatch(sentence);
    expect((await probe.say('begin 0 0')).status).toBe('state');
    expect((await probe.say('open 2 2')).status).toBe('invalid');
  });
});

import { describe, expect, it } from 'vitest';
import { GaussituError } from '../../src/errors.js';
import { defaultSlice, finiteRange, parseSlice, sliceGrid, type Grid } from '../../src/render/grid.js';

const grid: Grid = {
  dims: [3, 4, 2],
  origin: [10, 20, 30],
  spacing: [1, 0.5, 2],
  values: Float64Array.from({ length: 24 }, (_, i) => i),
};

describe('slices', () => {
  it('reads a node, a percentage and a coordinate', () => {
    expect(parseSlice('z=32')).toEqual({ axis: 2, value: 32, unit: 'index' });
    expect(parseSlice('x=50%')).toEqual({ axis: 0, value: 50, unit: 'percent' });
    expect(parseSlice('y=@-1.5e-3')).toEqual({ axis: 1, value: -0.0015, unit: 'world' });
  });

  it.each(['', 'w=1', 'z', 'z=', 'z=1.5', 'z=-1', 'z=@5%', 'z=1 2'])(
    'refuses %j and says what it wants',
    (text) => {
      expect(() => parseSlice(text)).toThrow(GaussituError);
      expect(() => parseSlice(text)).toThrow(/z=32/);
    },
  );

  it('cuts normal to each axis, the remaining axes in order', () => {
    expect([...sliceGrid(grid, { axis: 2, value: 1, unit: 'index' }).values]).toEqual(
      Array.from({ length: 12 }, (_, i) => 12 + i),
    );
    expect([...sliceGrid(grid, { axis: 1, value: 2, unit: 'index' }).values]).toEqual([6, 7, 8, 18, 19, 20]);
    const x = sliceGrid(grid, { axis: 0, value: 2, unit: 'index' });
    expect([...x.values]).toEqual([2, 5, 8, 11, 14, 17, 20, 23]);
    expect([x.u.name, x.v.name, x.at]).toEqual(['y', 'z', 12]);
  });

  it('finds the node plane nearest to a coordinate or percentage', () => {
    expect(sliceGrid(grid, { axis: 1, value: 20.8, unit: 'world' }).at).toBe(21);
    expect(sliceGrid(grid, { axis: 2, value: 100, unit: 'percent' }).at).toBe(32);
    expect(defaultSlice(grid)).toEqual({ axis: 1, value: 50, unit: 'percent' });
  });

  it('says what lies inside when asked for a place outside', () => {
    expect(() => sliceGrid(grid, { axis: 0, value: 3, unit: 'index' })).toThrow(
      /nodes 0\.\.2 or coordinates 10\.\.12/,
    );
  });

  it('takes the range of finite values only', () => {
    expect(finiteRange([1, Number.NaN, -3, Infinity], [7])).toEqual([-3, 7]);
    expect(finiteRange([Number.NaN])).toEqual([0, 0]);
  });
});

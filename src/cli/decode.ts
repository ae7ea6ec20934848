import { Command } from 'commander';
import { openArchive } from '../archive/index.js';
import { createCodec } from '../codec/index.js';
import { GaussituError } from '../errors.js';
import {
  EXTENSIONS,
  decodeField,
  decodePart,
  parseBox,
  parseSlice,
  queryGrid,
  queryPoints,
  readPoints,
  requireFormat,
  withCoarserModels,
  withWholeModels,
  writeField,
} from '../export/index.js';
import type { Box, Slice } from '../export/index.js';
import type { Triple } from '../protocol/mesh.js';
import { modelPart } from './model_part.js';

interface DecodeOptions {
  field: string;
  step: number;
  output: string;
  points?: string;
  grid?: Triple;
  box?: Box;
  slice?: Slice;
  gradient?: boolean;
  lod?: number;
  block?: number;
  mesh?: string;
}

export const decodeCommand = new Command('decode')
  .description('Write one field of one step as numbers: where the simulation had them, or anywhere else.')
  .argument('<run>', 'run folder')
  .requiredOption('--field <name>', 'field to decode (gaussitu inspect lists them)')
  .requiredOption('--step <N>', 'timestep, by its number', whole('--step'))
  .requiredOption('-o, --output <file>', `file to write: ${EXTENSIONS.join(' ')}`)
  .option('--points <file>', 'evaluate at these points: .npy (n, 3), .csv x,y,z, or .f32 .f64')
  .option('--grid <NXxNYxNZ>', 'evaluate on a regular grid over the field, e.g. 256x256x128', gridDims)
  .option(
    '--box <x0:x1,y0:y1,z0:z1>',
    'only this part, in world coordinates; with --grid a grid over it',
    parseBox,
  )
  .option('--slice <i0:i1,j0:j1,k0:k1>', 'only these indices of a grid, x first, as numpy slices', parseSlice)
  .option('--gradient', 'slopes along x, y and z [.., 3] in place of values')
  .option('--lod <part>', 'coarser models: of this part of their Gaussians, e.g. 0.25', modelPart)
  .option('--block <N>', 'only this block of a decomposed field', whole('--block'))
  .option('--mesh <name>', 'only on this mesh, of a field that is on several')
  .addHelpText(
    'after',
    `
Without --points and --grid, values come at the samples of the simulation, in its order and number type; the blocks of a
decomposed grid are put together to the whole grid, ghost layers left out. With them, values are float64 and NaN outside
the domain, and the mesh is not needed. Of a --box or --slice only the blocks that have something of it are decoded, and of
those that are Gaussian models only what is asked for; blocks with a strict bound are decoded whole and cut. A --gradient (float64)
is that of the model, exact; of blocks with a strict bound that of the small model beside their residual.
With --lod models alone are decoded, from the first part of their Gaussians, which lie evenly among the others: a preview.

  .f32 .f64  bare little-endian numbers, x fastest     .npy     numpy array [z, y, x] or [n]
  .h5        HDF5 that gaussitu replay reads           .vtkhdf  for ParaView: ImageData or UnstructuredGrid

Examples:
  gaussitu decode run --field u --step 3 -o u.npy
  gaussitu decode run --field u --step 3 --grid 512x512x256 -o u.vtkhdf
  gaussitu decode run --field T --step 0 --points probes.csv -o T.f64
  gaussitu decode run --field u --step 3 --box 0:1.5,:,0.2:0.3 -o part.vtkhdf
  gaussitu decode run --field u --step 3 --slice :,:,32:33 --gradient -o slopes.npy`,
  )
  .action(async (run: string, options: DecodeOptions) => {
    const { field, output, points, grid, box, slice, gradient } = options;
    const part = { block: options.block, mesh: options.mesh, gradient };
    const clash = [
      [points && grid, '--points and --grid'],
      [box && slice, '--box and --slice'],
      [points && (box ?? slice), '--points and a part of the field'],
      [grid && slice, '--grid and --slice'],
    ].find(([both]) => both);
    if (clash) {
      throw new GaussituError('INVALID_ARGUMENT', clash[1] as string, { expected: 'one of them' });
    }
    requireFormat(output);
    const archive = await openArchive(run);
    const codec = createCodec();
    const whole = await withWholeModels(archive, codec, await archive.readStep(options.step), field);
    const step = options.lod ? await withCoarserModels(codec, whole, field, options.lod) : whole;
    const decoded =
      points !== undefined
        ? await queryPoints(codec, step, field, await readPoints(points), part)
        : grid !== undefined
          ? await queryGrid(codec, step, field, grid, { ...part, box })
          : box !== undefined || slice !== undefined || gradient
            ? await decodePart(archive, codec, step, field, { ...part, box, slice })
            : await decodeField(archive, codec, step, field, part);
    const bytes = await writeField(output, decoded);
    process.stderr.write(`${output}: ${decoded.shape.join(' x ')} values, ${bytes} bytes\n`);
  });

function gridDims(text: string): Triple {
  const dims = text.split(/[x×,]/i).map(Number);
  if (
    dims.length !== 3 ||
    !dims.every((n) => Number.isInteger(n) && n >= 1) ||
    dims.reduce((a, b) => a * b, 1) > 1e9
  ) {
    throw new GaussituError('INVALID_ARGUMENT', '--grid', {
      expected: 'three numbers of points like 128x128x64, at most 1e9 together',
      received: text,
    });
  }
  return dims as unknown as Triple;
}

function whole(name: string): (text: string) => number {
  return (text) => {
    if (!/^\d{1,15}$/.test(text)) {
      throw new GaussituError('INVALID_ARGUMENT', name, { expected: 'a whole number', received: text });
    }
    return Number(text);
  };
}

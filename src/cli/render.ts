import { writeFile } from 'node:fs/promises';
import { Command, Option } from 'commander';
import { openArchive } from '../archive/index.js';
import { createCodec } from '../codec/index.js';
import { GaussituError } from '../errors.js';
import { withCoarserModels, withWholeModels } from '../export/index.js';
import {
  COLORMAPS,
  loadBlocks,
  loadOriginals,
  parseSlice,
  renderField,
  type SliceRequest,
} from '../render/index.js';
import { openInput } from '../replay/index.js';
import { modelPart } from './model_part.js';

interface RenderOptions {
  field: string;
  step: number;
  output: string;
  against?: string;
  slice?: SliceRequest;
  size: number;
  colormap: string;
  lod?: number;
}

export const renderCommand = new Command('render')
  .description(
    'Draw a stored field as a PNG: a slice, the volume, and with the original beside it the error.',
  )
  .argument('<run>', 'run folder')
  .requiredOption('--field <name>', 'field to draw')
  .requiredOption('--step <N>', 'timestep, by its number', integer('--step', 0, Number.MAX_SAFE_INTEGER))
  .requiredOption('-o, --output <file>', 'PNG file to write')
  .option('--against <input>', 'the original (a folder, HDF5 or VTKHDF): adds original and error')
  .option(
    '--slice <where>',
    'z=32 (node), z=50% (of the extent), z=@1.5 (coordinate); default: the middle',
    parseSlice,
  )
  .option('--lod <part>', 'coarser models: of this part of their Gaussians, e.g. 0.25', modelPart)
  .addOption(
    new Option('--size <pixels>', 'width of the picture')
      .default(1600)
      .argParser(integer('--size', 300, 8000)),
  )
  .addOption(new Option('--colormap <name>', 'colours of the field').choices(COLORMAPS).default('viridis'))
  .addHelpText(
    'after',
    `
Colours span the range of the whole field, the error's that of the slice. On a uniform grid every node is shown; on any
other mesh the model is evaluated on a regular grid, white outside its domain, and original and error are those of the
nearest sample. In the volume common values are transparent: what is rare, and far from the background, is seen.

Examples:
  gaussitu render run --field u --step 3 -o u.png
  gaussitu render run --field u --step 3 --against data/dns_decay --slice x=25% -o u.png`,
  )
  .action(async (run: string, options: RenderOptions) => {
    const archive = await openArchive(run);
    const codec = createCodec();
    const whole = await archive.readStep(options.step);
    const step = options.lod
      ? await withCoarserModels(
          codec,
          await withWholeModels(archive, codec, whole, options.field),
          options.field,
          options.lod,
        )
      : whole;
    const blocks = await loadBlocks(archive, codec, step, options.field);
    const input = options.against === undefined ? undefined : await openInput(options.against);
    try {
      const originals = input && (await loadOriginals(input, options.step, options.field, blocks));
      const png = await renderField({
        codec,
        step,
        blocks,
        originals,
        slice: options.slice,
        colormap: options.colormap,
        ...(options.lod !== undefined && { part: options.lod }),
        width: options.size,
      });
      await writeFile(options.output, png).catch((error: unknown) => {
        throw new GaussituError('INVALID_ARGUMENT', `cannot write ${options.output}`, {
          received: error instanceof Error ? error.message : String(error),
          cause: error,
        });
      });
    } finally {
      input?.close();
    }
  });

function integer(name: string, lowest: number, highest: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < lowest || value > highest) {
      throw new GaussituError('INVALID_ARGUMENT', name, {
        expected: `a whole number from ${lowest} to ${highest}`,
        received: text,
      });
    }
    return value;
  };
}

import type { ArchiveReader, StepEntry } from '../archive/types.js';
import type { Codec } from '../codec/types.js';
import { GaussituError } from '../errors.js';
import { BlockDecoder } from '../export/block_decoder.js';
import { entriesOf } from '../export/decode.js';
import { toFloat64 } from '../export/numbers.js';
import { componentNames } from '../pipeline/components.js';
import { extractComponent, interior } from '../protocol/extent.js';
import { blankFill } from '../protocol/fill.js';
import { DTYPE_BYTES } from '../protocol/field.js';
import type { Input } from '../replay/types.js';
import type { BlockValues, DecodedBlock } from './view.js';

/** All blocks of a field at a step, decoded. Throws NOT_FOUND that lists the fields there are, CORRUPT_STREAM. */
export async function loadBlocks(
  archive: ArchiveReader,
  codec: Codec,
  step: StepEntry,
  field: string,
): Promise<DecodedBlock[]> {
  const decoder = new BlockDecoder(archive, codec);
  const blocks: DecodedBlock[] = [];
  for (const entry of entriesOf(step, field)) {
    const mesh = await archive.readMesh(entry.mesh, entry.block, step.step);
    const values = mesh && toFloat64(await decoder.decode(step.step, entry, mesh), entry.dtype);
    blocks.push({
      entry: await decoder.whole(step.step, entry),
      ...(mesh && values && { own: { mesh, association: entry.association, values } }),
    });
  }
  return blocks;
}

/**
 * The same blocks as `input` has them, in the order of `blocks`. Throws NOT_FOUND when the field or a block is not
 * there, BAD_SHAPE when it is of another size.
 */
export async function loadOriginals(
  input: Input,
  step: number,
  field: string,
  blocks: readonly DecodedBlock[],
): Promise<BlockValues[]> {
  const source = input.fields.find((f) => componentNames(f.name, f.components).includes(field));
  if (!source || !input.has(step, source.name)) {
    throw new GaussituError('NOT_FOUND', `field ${field} at step ${step} in ${input.path}`, {
      expected:
        `one of ${input.fields.flatMap((f) => componentNames(f.name, f.components)).join(', ')} ` +
        `at one of ${input.steps.length} steps`,
    });
  }
  const component = componentNames(source.name, source.components).indexOf(field);
  const meshes = await input.mesh(source.mesh, step);
  const fields = await input.readField(step, source.name);
  return blocks.map(({ entry }) => {
    const data = fields.find((f) => f.block === entry.block);
    const mesh = meshes.find((m) => m.block === entry.block);
    if (!data || !mesh) {
      throw new GaussituError('NOT_FOUND', `block ${entry.block} of ${field} in ${input.path}`, {
        hint: 'render --against needs the input in the same blocks as the run',
      });
    }
    const box = interior(mesh, data.association);
    if (box.count !== entry.certificate.values) {
      throw new GaussituError('BAD_SHAPE', `block ${entry.block} of ${field} in ${input.path}`, {
        expected: `${entry.certificate.values} values as in the run`,
        received: `${box.count}`,
      });
    }
    const raw = extractComponent(data.data, box, DTYPE_BYTES[data.dtype], data.components, component);
    return {
      mesh,
      association: data.association,
      values: toFloat64(blankFill(raw, data.dtype, data.fill), data.dtype),
    };
  });
}

import { GaussituError } from '../errors.js';
import { checkFrame } from '../protocol/arrays.js';
import { valueCount } from '../protocol/extent.js';
import type { FieldBlock } from '../protocol/field.js';
import type { FieldMessage } from '../protocol/messages.js';
import type { MeshBlock } from '../protocol/mesh.js';

/** Frames below this are copied: a small message pins a whole receive buffer of the socket. */
const COPY_BELOW = 8192;

/**
 * A `field` message as a field block: it fits its mesh, its frame is complete and as its checksum says.
 * Throws UNKNOWN_MESH, BAD_MESSAGE, BAD_SHAPE, CHECKSUM. The array is not copied unless it is small.
 */
export function readField(
  message: FieldMessage,
  frames: readonly Uint8Array[],
  mesh: MeshBlock | undefined,
  time: number,
): FieldBlock {
  const what = `field ${message.field}`;
  const [frame] = frames;
  if (!frame || frames.length !== 1) {
    throw new GaussituError('BAD_MESSAGE', `${what}: frames after the header`, {
      expected: '1',
      received: String(frames.length),
    });
  }
  if (!mesh) {
    throw new GaussituError('UNKNOWN_MESH', what, {
      expected: 'a mesh that was sent before',
      received: `${message.mesh}, block ${message.block}`,
    });
  }
  checkShape(message, mesh);
  checkFrame(what, frame, message.shape, message.dtype, message.crc);
  return {
    step: message.step,
    time,
    field: message.field,
    mesh: message.mesh,
    block: message.block,
    association: message.assoc,
    dtype: message.dtype,
    components: message.shape[1] ?? 1,
    data: frame.byteLength < COPY_BELOW ? new Uint8Array(frame) : frame,
    ...(message.units && { units: message.units }),
    ...(message.target && { target: message.target }),
    ...(typeof message.fill === 'number' && { fill: message.fill }),
  };
}

function checkShape(message: FieldMessage, mesh: MeshBlock): void {
  if (message.assoc === 'cell' && mesh.mesh.kind === 'points') {
    throw new GaussituError('BAD_SHAPE', `field ${message.field}: assoc`, {
      expected: 'node: a cloud of points has no cells',
      received: 'cell',
    });
  }
  const expected = valueCount(mesh.mesh, message.assoc);
  if (message.shape[0] !== expected) {
    throw new GaussituError('BAD_SHAPE', `field ${message.field}`, {
      expected: `${expected} ${message.assoc} values of mesh ${mesh.name}, block ${mesh.block}`,
      received: String(message.shape[0]),
    });
  }
}

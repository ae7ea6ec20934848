import { resolveField, type FieldPlan } from '../config/resolve.js';
import type { RunSettings } from '../config/types.js';
import { GaussituError } from '../errors.js';
import { interior, valueCount, type Interior } from '../protocol/extent.js';
import { DTYPE_BYTES, type FieldBlock } from '../protocol/field.js';
import type { MeshBlock } from '../protocol/mesh.js';
import type { RunInfo } from '../protocol/source.js';
import { componentNames } from './components.js';

/** One scalar component of one field on one block at one step: the unit of work. */
export interface BlockJob {
  field: FieldBlock;
  mesh: MeshBlock;
  component: number;
  /** Name it is stored under. */
  name: string;
  /** Key of its chain: jobs of a chain run in order, each starting from the one before. */
  chain: string;
  box: Interior;
  /** Without ghost layers. */
  rawBytes: number;
  plan: FieldPlan;
}

/** What is known of a step when its jobs start: budgets are shares of this. */
export interface StepPlan {
  blocks: number;
  rawBytes: number;
  groupRawBytes: ReadonlyMap<string, number>;
  /** Blocks of each field name. */
  blocksOfField: ReadonlyMap<string, number>;
}

/** Splits a field into its components' jobs. Throws BAD_SHAPE when the array does not fit the mesh. */
export function makeJobs(
  field: FieldBlock,
  mesh: MeshBlock,
  settings: RunSettings,
  info: RunInfo,
): BlockJob[] {
  const scalarBytes = DTYPE_BYTES[field.dtype];
  const expected = valueCount(mesh.mesh, field.association) * field.components * scalarBytes;
  if (field.data.byteLength !== expected) {
    throw new GaussituError('BAD_SHAPE', `field ${field.field} on mesh ${mesh.name}, block ${mesh.block}`, {
      expected: `${expected} bytes`,
      received: `${field.data.byteLength} bytes`,
    });
  }
  const box = interior(mesh, field.association);
  return componentNames(field.field, field.components).map((name, component) => ({
    field,
    mesh,
    component,
    name,
    chain: `${name}/${mesh.name}/${mesh.block}`,
    box,
    rawBytes: box.count * scalarBytes,
    plan: resolveField(
      settings,
      { component: name, field: field.field },
      { ...(field.target && { target: field.target }), ...(info.targets && { targets: info.targets }) },
    ),
  }));
}

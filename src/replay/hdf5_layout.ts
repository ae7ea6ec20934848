import type { DatasetInfo } from './hdf5_file.js';

/** Where one field at one step lies in an HDF5 file. */
export interface Place {
  field: string;
  step: number;
  path: string;
  /** Index along the first axis, when that is time. */
  row?: number;
  /** Shape of one step without components, slowest axis first. */
  shape: number[];
  components: number;
}

const AXES = new Set(['x', 'y', 'z', 'lon', 'lat', 'time', 't', 'times']);

/**
 * The rules by which fields and steps are found, in this order (docs/data.md):
 * 1. a group whose name ends in a number on the way to the dataset: the step (`/step_12/u`, `/data/12/meshes/u`);
 * 2. a dataset name that ends in a separator and at least two digits: the step (`/u_000`);
 * 3. a first axis that is time: always with four axes or more, otherwise when a 1-D dataset `time` has its length;
 * 4. else the only step, 0.
 * In 1 and 2 a fourth axis of at most nine is the components. Coordinate axes and `time` are no fields.
 */
export function placeDatasets(datasets: readonly DatasetInfo[]): Place[] {
  const times = datasets.find((d) => /^(time|times|t)$/.test(base(d.path)) && d.shape.length === 1);
  return datasets.flatMap((dataset): Place[] => {
    const { path, shape, dtype } = dataset;
    const name = base(path);
    if (shape.length === 0 || shape.includes(0)) return [];
    if (shape.length === 1 && (AXES.has(name) || shape[0] === 1)) return [];
    if (dtype === 'i8' || dtype === 'u8') {
      if (name === 'types') return [];
    }
    const groups = path.split('/').slice(1, -1);
    const stepGroup = groups.findIndex((g) => /\d$/.test(g));
    if (stepGroup >= 0) {
      const step = Number(/(\d+)$/.exec(groups[stepGroup] ?? '')?.[1]);
      const rest = groups.slice(stepGroup + 1).filter((g) => g !== 'meshes');
      return one(dataset, [...rest, name].join('.'), step);
    }
    const prefix = groups.length > 0 ? `${groups.join('.')}.` : '';
    const suffix = /^(.*?)[_.-](\d{2,})$/.exec(name);
    if (suffix?.[1]) return one(dataset, prefix + suffix[1], Number(suffix[2]));
    const timed =
      shape.length >= 4 || (times !== undefined && times.shape[0] === shape[0] && shape.length >= 2);
    if (!timed) return one(dataset, prefix + name, 0);
    const [steps = 0, ...own] = shape;
    return Array.from({ length: steps }, (_, row) => ({
      field: prefix + name,
      step: row,
      path,
      row,
      shape: own.length > 3 ? own.slice(0, 3) : own,
      components: own.length > 3 ? (own[3] ?? 1) : 1,
    }));
  });
}

function one({ path, shape }: DatasetInfo, field: string, step: number): Place[] {
  const vector = shape.length === 4;
  if (shape.length > 4 || (vector && (shape[3] ?? 0) > 9)) return [];
  return [
    {
      field,
      step,
      path,
      shape: vector ? shape.slice(0, 3) : shape,
      components: vector ? (shape[3] ?? 1) : 1,
    },
  ];
}

export function base(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
export function parent(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/';
}

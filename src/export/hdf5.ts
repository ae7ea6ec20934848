import { writeImage } from '../hdf5/write_image.js';
import { toTyped } from './numbers.js';
import type { ExportField } from './types.js';

/** Plain HDF5 in the layout that `replay` reads (docs/data.md): /step_000003/<field>, with units, origin, spacing, time. */
export function encodeHdf5(field: ExportField): Promise<Uint8Array> {
  const group = `/step_${String(field.step).padStart(6, '0')}`;
  const { lattice, units, points } = field;
  return writeImage({
    groups: [{ path: group, attributes: { time: field.time } }],
    datasets: [
      {
        path: `${group}/${field.name.replaceAll('/', '_')}`,
        data: toTyped(field.data, field.dtype),
        shape: field.shape,
        gzip: true,
        attributes: {
          ...(units === undefined ? {} : { units }),
          ...(lattice && {
            origin: Float64Array.from(lattice.origin),
            spacing: Float64Array.from(lattice.spacing),
          }),
        },
      },
      ...(points ? [{ path: '/points', data: points, shape: [points.length / 3, 3] }] : []),
    ],
  });
}

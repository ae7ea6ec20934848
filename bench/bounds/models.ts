/** The Gaussian model beside the residual. */
import type { BoundedResult, FieldState } from '../../src/codec/index.js';
import { bytesOf, openCase, readField } from '../lib/data.js';
import type { ModelShare } from '../../src/config/types.js';
import { fixed, heading, quick, table } from '../lib/report.js';
import { codec, gridPlace, unstructured, type Stream } from './shared.js';

/** One field's steps first..last with a model beside the residual; the results in order. */
async function layered(
  { place, from, fields: [field] }: Stream,
  steps: readonly [first: number, last: number],
  rel: number,
  modelShare: ModelShare,
): Promise<{ result: BoundedResult; seconds: number }[]> {
  const out: { result: BoundedResult; seconds: number }[] = [];
  let earlier: FieldState[] = [];
  let previousModel: Uint8Array | undefined;
  for (let step = steps[0]; step <= steps[1]; step++) {
    const data = bytesOf(readField(from, field!, step));
    const before = process.cpuUsage();
    const request = { ...place, dtype: 'f32', data, target: { rel }, earlier, modelShare } as const;
    const result = await codec.encodeBounded({ ...request, ...(previousModel && { previousModel }) });
    const { user, system } = process.cpuUsage(before);
    out.push({ result, seconds: (user + system) / 1e6 });
    earlier = [result.state, ...earlier].slice(0, 2);
    if (result.model) previousModel = codec.modelOf(result.payload);
  }
  return out;
}

export async function models(folder: string): Promise<void> {
  heading('The Gaussian model beside the residual: payload bytes with and without, step by step');
  const rows: string[][] = [];
  const steps = [
    ['dns_decay', 'u', 3, 3],
    ['dns_decay', 'p', 3, 3],
    ['gray_scott', 'u', 3, 3],
    ['vtk_ironprot', 'scalars', 0, 0],
    ['vtk_carotid', 'scalars', 0, 0],
    ['dns_decay', 'u', 0, 2],
    ['gray_scott', 'u', 0, 2],
    ['openfoam_channel395', 'Ux', 0, 2],
    ['fem_tet', 'p', 0, 2],
  ] as const;
  for (const [name, field, first, last] of steps) {
    const from = openCase(folder, name);
    const place = from.dims ? gridPlace(from) : await unstructured(folder, name);
    const shares = first === last && !quick ? (['auto', 0.1, 0.3, 'best'] as const) : (['auto'] as const);
    for (const rel of first === last ? [1e-1, 1e-2, 1e-3] : [1e-2]) {
      const plain = await layered({ place, from, fields: [field] }, [first, last], rel, 0);
      for (const share of shares) {
        const helped = await layered({ place, from, fields: [field] }, [first, last], rel, share);
        for (const [i, { result, seconds }] of helped.entries()) {
          const before = plain[i]!;
          rows.push([
            `${name} ${field}, step ${first + i}`,
            rel.toExponential(),
            String(share),
            String(before.result.payload.length),
            result.model ? `${result.model.bytes} (${result.model.gaussians})` : 'none',
            result.model ? fixed(result.model.psnr, 1) : '–',
            result.model?.reference ? 'yes' : 'no',
            String(result.payload.length),
            fixed(result.payload.length / before.result.payload.length, 3),
            `${fixed(before.seconds, 2)} → ${fixed(seconds, 2)}`,
          ]);
        }
      }
    }
  }
  table(
    ['block', 'bound / range', 'share', 'without', 'model, bytes (Gaussians)', 'its PSNR, dB'].concat([
      'predicts',
      'total',
      '÷ without',
      'processor time, s',
    ]),
    rows,
  );
}

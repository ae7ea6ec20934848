// What the compiler makes of each kernel of native/cuda, as Markdown: registers, spills, shared memory, and how many
// warps of a multiprocessor that leaves room for. Needs nvcc and c++filt; no card. A minute per architecture.
//
//   npx tsx bench/cuda-report.ts [sm_75 sm_90 ...] [moments.cu ...]   all architectures and files by default
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

// Limits of a multiprocessor (CUDA C++ programming guide, compute capabilities): warps, blocks, shared memory in KB.
const limits: Record<string, [number, number, number]> = {
  sm_75: [32, 16, 64],
  sm_80: [64, 32, 164],
  sm_86: [48, 16, 100],
  sm_89: [48, 24, 100],
  sm_90: [64, 32, 228],
  sm_100: [64, 32, 228],
  sm_120: [48, 24, 100],
};

interface Kernel {
  name: string;
  registers: number;
  spilled: number; // bytes of stack and of spill stores and loads
  shared: number;
}

/** Threads per block: what the launches say. */
function threads(name: string): number {
  if (/^(clear|go_on|fit_lists)$/.test(name)) return 1;
  return /^(scan_|add_|count_digits|scatter|judge|mean_phi2|multiply|turn|curvatures|advance)/.test(name)
    ? 256
    : 128;
}

/** Warps that are resident at once, of a multiprocessor's most. */
function occupancy(kernel: Kernel, architecture: string): string {
  const [warps, blocks, shared] = limits[architecture] ?? [0, 0, 0];
  const perBlock = Math.ceil(threads(kernel.name) / 32);
  const perWarp = Math.ceil((Math.ceil(kernel.registers / 8) * 8 * 32) / 256) * 256;
  const byRegisters = Math.floor(Math.floor(65536 / perWarp) / perBlock);
  const byShared = Math.floor((shared * 1024) / (kernel.shared + 1024));
  return `${Math.min(blocks, byRegisters, byShared, Math.floor(warps / perBlock)) * perBlock}/${warps}`;
}

/** `forward<true, Compare>` of what c++filt makes of a kernel. */
function short(name: string): string {
  return name
    .replaceAll('gaussitu::cuda::', '')
    .replaceAll('(anonymous namespace)::', '')
    .replace(/^void /, '')
    .replace(/\(.*$/, '')
    .replaceAll('(bool)1', 'true')
    .replaceAll('(bool)0', 'false');
}

/** Compiles one file as the library is compiled; the kernels in it, by architecture. */
function compile(file: string, architectures: string[], found: Map<string, Kernel[]>): void {
  const codes = architectures.flatMap((a) => ['-gencode', `arch=${a.replace('sm_', 'compute_')},code=${a}`]);
  const flags = ['-std=c++20', '-O3', '-fmad=false', '-Inative/core', '-Inative/cuda', '-Xptxas', '-v'];
  const run = spawnSync('nvcc', [...flags, ...codes, '-c', file, '-o', '/dev/null'], { encoding: 'utf8' });
  if (run.status !== 0)
    throw new Error(`nvcc does not compile ${file}:\n${run.stderr}${run.error?.message ?? ''}`);
  const text = spawnSync('c++filt', { input: run.stderr, encoding: 'utf8' }).stdout;
  let architecture = '';
  let name = '';
  let spilled = 0;
  for (const line of text.split('\n')) {
    const entry = /Compiling entry function '(.*)' for '(\w+)'/.exec(line);
    if (entry !== null) [, name = '', architecture = ''] = entry;
    const stack = /(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads/.exec(line);
    if (stack !== null) spilled = stack.slice(1).reduce((sum, bytes) => sum + Number(bytes), 0);
    const registers = /Used (\d+) registers/.exec(line)?.[1];
    if (registers === undefined) continue;
    const kernels = found.get(architecture) ?? [];
    kernels.push({
      name: short(name),
      registers: Number(registers),
      spilled,
      shared: Number(/(\d+) bytes smem/.exec(line)?.[1] ?? 0),
    });
    found.set(architecture, kernels);
  }
}

const wanted = process.argv.slice(2);
const chosen = wanted.filter((a) => a in limits);
const architectures = Object.keys(limits).filter((a) => chosen.length === 0 || chosen.includes(a));
const files = wanted.filter((a) => a.endsWith('.cu'));
const found = new Map<string, Kernel[]>();
for (const file of readdirSync('native/cuda').toSorted()) {
  if (!file.endsWith('.cu') || (files.length > 0 && !files.includes(file))) continue;
  if (readFileSync(`native/cuda/${file}`, 'utf8').includes('__global__'))
    compile(`native/cuda/${file}`, architectures, found);
}
const names = [...new Set([...found.values()].flat().map((k) => k.name))].toSorted();
console.log(`| kernel | shared bytes | ${architectures.join(' | ')} |`);
console.log(`| --- | --- | ${architectures.map(() => '---').join(' | ')} |`);
let spills = 0;
for (const name of names) {
  const cells = architectures.map((a) => {
    const kernel = found.get(a)?.find((k) => k.name === name);
    if (kernel === undefined) return '–';
    spills += kernel.spilled > 0 ? 1 : 0;
    return `${kernel.registers}${kernel.spilled > 0 ? ` + ${kernel.spilled} B spilled` : ''}, ${occupancy(kernel, a)}`;
  });
  const shared = found.get(architectures.at(-1) ?? '')?.find((k) => k.name === name)?.shared ?? 0;
  console.log(`| \`${name}\` | ${shared} | ${cells.join(' | ')} |`);
}
console.log(
  `\n${names.length} kernels, ${architectures.length} architectures; with spills or a stack: ${spills}.`,
);

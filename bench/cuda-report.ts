// What the compiler makes of each kernel of native/cuda, as Markdown: registers, spills, shared memory, and how many
// warps of a multiprocessor that leaves room for. Needs nvcc and c++filt; no card. Files and architectures are compiled
// side by side, without linking: some two minutes on two cores.
//
//   npx tsx bench/cuda-report.ts [sm_75 sm_90 ...] [moments.cu ...]   all architectures and files by default
import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

// Limits of a multiprocessor (cuda_occupancy.h of the toolkit): warps, blocks, KB of shared memory, of which each block
// costs so many more bytes. Each of its four parts has 16,384 registers, given to warps in units of 256.
const limits: Record<string, [number, number, number, number]> = {
  sm_75: [32, 16, 64, 0],
  sm_80: [64, 32, 164, 1024],
  sm_86: [48, 16, 100, 1024],
  sm_89: [48, 24, 100, 1024],
  sm_90: [64, 32, 228, 1024],
  sm_100: [64, 32, 228, 1024],
  sm_120: [48, 24, 100, 1024],
};

interface Kernel {
  name: string;
  registers: number;
  spilled: number; // bytes of stack and of spill stores and loads
  shared: number; // static; grid kernels have some more that depends on their stencil
  threads: number; // of a block, as __launch_bounds__ has it
}

/** Warps that are resident at once. */
function resident(kernel: Kernel, architecture: string): number {
  const [warps, blocks, shared, reserved] = limits[architecture] ?? [0, 0, 0, 0];
  const perBlock = Math.ceil(kernel.threads / 32);
  const perWarp = Math.ceil((kernel.registers * 32) / 256) * 256;
  const byRegisters = Math.floor((Math.floor(16384 / perWarp) * 4) / perBlock);
  const byShared = Math.floor((shared * 1024) / Math.max(kernel.shared + reserved, 1));
  return Math.min(blocks, byRegisters, byShared, Math.floor(warps / perBlock)) * perBlock;
}

function demangled(names: string[]): string[] {
  const { stdout } = spawnSync('c++filt', { input: names.join('\n'), encoding: 'utf8' });
  return stdout.split('\n').map((name) =>
    name
      .replaceAll('gaussitu::cuda::', '')
      .replaceAll('(anonymous namespace)::', '')
      .replace(/^void /, '')
      .replace(/\(.*$/, '')
      .replaceAll('(bool)1', 'true')
      .replaceAll('(bool)0', 'false'),
  );
}

/** Compiles one file as the library is compiled; the kernels in it. */
async function compile(file: string, architecture: string, folder: string): Promise<Kernel[]> {
  const kept = mkdtempSync(join(folder, 'kept-'));
  const code = `arch=${architecture.replace('sm_', 'compute_')},code=${architecture}`;
  const flags = ['-std=c++20', '-O3', '-fmad=false', '-Inative/core', '-Inative/cuda', '-Xptxas', '-v'];
  const { stderr } = await promisify(execFile)(
    'nvcc',
    [...flags, '-cubin', '-gencode', code, '-keep', '-keep-dir', kept, file, '-o', join(kept, 'out.cubin')],
    { maxBuffer: 1 << 26 },
  );
  // The sizes of blocks are in the intermediate code, everything else in what ptxas says.
  const ptx = readdirSync(kept).find((name) => name.endsWith('.ptx'));
  const threads = new Map<string, number>();
  const entries = ptx === undefined ? '' : readFileSync(join(kept, ptx), 'utf8');
  for (const [, name = '', bound] of entries.matchAll(/\.entry (\w+)\([^)]*\)\s*(?:\.maxntid (\d+))?/g))
    threads.set(name, Number(bound ?? 1));
  const kernels: Kernel[] = [];
  let name = '';
  let spilled = 0;
  for (const line of stderr.split('\n')) {
    name = /Compiling entry function '(.*)' for/.exec(line)?.[1] ?? name;
    const stack = /(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads/.exec(line);
    if (stack !== null) spilled = stack.slice(1).reduce((sum, bytes) => sum + Number(bytes), 0);
    const registers = /Used (\d+) registers/.exec(line)?.[1];
    if (registers === undefined) continue;
    const shared = Number(/(\d+) bytes smem/.exec(line)?.[1] ?? 0);
    kernels.push({
      name,
      registers: Number(registers),
      spilled,
      shared,
      threads: threads.get(name) ?? 1,
    });
  }
  const names = demangled(kernels.map((kernel) => kernel.name));
  return kernels.map((kernel, k) => ({ ...kernel, name: names[k] ?? kernel.name }));
}

const wanted = process.argv.slice(2);
const chosen = wanted.filter((a) => a in limits);
const architectures = Object.keys(limits).filter((a) => chosen.length === 0 || chosen.includes(a));
const only = wanted.filter((a) => a.endsWith('.cu'));
const files = readdirSync('native/cuda').filter(
  (f) =>
    (only.length === 0 || only.includes(f)) &&
    f.endsWith('.cu') &&
    /__global__|_kernels\.cuh/.test(readFileSync(`native/cuda/${f}`, 'utf8')),
);
const folder = mkdtempSync(join(tmpdir(), 'gaussitu-report-'));
const found = new Map<string, Kernel[]>(architectures.map((a) => [a, []]));
try {
  const jobs = files.flatMap((file) => architectures.map((architecture) => ({ file, architecture })));
  const worker = async () => {
    for (let job = jobs.shift(); job !== undefined; job = jobs.shift())
      found
        .get(job.architecture)
        ?.push(...(await compile(`native/cuda/${job.file}`, job.architecture, folder)));
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
} finally {
  rmSync(folder, { recursive: true });
}

const names = [...new Set([...found.values()].flat().map((k) => k.name))].toSorted();
console.log(`| kernel | threads | shared bytes | ${architectures.join(' | ')} |`);
console.log(`| --- | --- | --- | ${architectures.map(() => '---').join(' | ')} |`);
const most = architectures.map((a) => `of ${limits[a]?.[0] ?? 0}`);
console.log(`| registers, warps resident | | | ${most.join(' | ')} |`);
const spills: string[] = [];
for (const name of names) {
  const cells = architectures.map((a) => {
    const kernel = found.get(a)?.find((k) => k.name === name);
    if (kernel === undefined) return '–';
    if (kernel.spilled > 0) spills.push(`${name} on ${a}: ${kernel.spilled} B`);
    return `${kernel.registers}, ${resident(kernel, a)}`;
  });
  const any = found.get(architectures.at(-1) ?? '')?.find((k) => k.name === name);
  console.log(
    `| \`${name}\` | ${any?.threads ?? 0} | ${(any?.shared ?? 0).toLocaleString('en')} | ${cells.join(' | ')} |`,
  );
}
console.log(
  `\n${names.length} kernels, ${architectures.length} architectures; spills or a stack: ${spills.length === 0 ? 'none' : spills.join(', ')}.`,
);

import type { ready } from 'h5wasm';
import { GaussituError } from '../errors.js';

/** The HDF5 C library in WebAssembly, with its own in-memory file system. */
export type Hdf5 = Awaited<typeof ready>;
type Factory = (options: { noInitialRun: boolean; printErr: (line: string) => void }) => Promise<Hdf5>;

/** Failed calls leak HDF5 handles inside the instance; after this many a fresh one is cheaper than the leak. */
const MAX_FAILURES = 64;

let instance: Promise<Hdf5> | undefined;
let failures = 0;

/**
 * The shared instance. The factory is taken from the package's inner module so that an instance that was aborted by
 * damaged input can be thrown away (the package's own face has one for ever), and so that HDF5's stack traces
 * do not reach stderr: every error is thrown.
 */
export async function hdf5(): Promise<Hdf5> {
  instance ??= (async () => {
    const url = new URL('./hdf5_util.js', import.meta.resolve('h5wasm'));
    const { default: create } = (await import(url.href)) as { default: Factory };
    const module = await create({ noInitialRun: true, printErr: () => undefined });
    module.activate_throwing_error_handler();
    return module;
  })();
  return instance;
}

/** Must be called with every error that came out of the module: decides whether the instance can go on. */
export function noteFailure(error: unknown): void {
  failures++;
  const aborted = error instanceof Error && error.name === 'RuntimeError'; // WebAssembly.RuntimeError
  if (aborted || failures >= MAX_FAILURES) {
    instance = undefined;
    failures = 0;
  }
}

/** The first useful line of an HDF5 error stack. */
export function describeFailure(error: unknown): string {
  if (error instanceof GaussituError) return error.message;
  const text = error instanceof Error ? error.message : String(error);
  const causes = [...text.matchAll(/#\d+: \S+ line \d+ in \w+\(\): (.*)/g)].map((m) => m[1] ?? '');
  return (causes.at(-1) ?? text.split('\n')[0] ?? 'unknown error').trim();
}

/** `size` bytes of the module's memory during `use`. */
export function withMemory<T>(module: Hdf5, size: number, use: (pointer: number) => T): T {
  // oxlint-disable-next-line no-underscore-dangle -- the C library's own names
  const pointer = module._malloc(Math.max(size, 1));
  if (pointer === 0) throw new Error(`HDF5 has no memory for ${size} bytes`);
  try {
    return use(pointer);
  } finally {
    // oxlint-disable-next-line no-underscore-dangle
    module._free(pointer);
  }
}

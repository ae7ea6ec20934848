import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // The codec has its own thread pool and sockets are real: two files at a time fill two cores.
    maxWorkers: 2,
    pool: 'forks',
    // Generous: on a machine that does other work as well nothing may fail for being slow.
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});

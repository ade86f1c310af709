import { defineConfig } from 'vitest/config';

const common = {
  pool: 'forks' as const,
  fileParallelism: false,
  testTimeout: 3_600_000,
  // The first run builds the servers.
  hookTimeout: 1_200_000,
  expect: { poll: { timeout: 120_000, interval: 250 } },
};

/** `npm run test:stack`, and `npm run capacity` for the figures of docs/capacity.md. */
export default defineConfig({
  test: {
    projects: [
      { test: { ...common, name: 'stack', include: ['test/stack/*.check.ts'] } },
      { test: { ...common, name: 'capacity', include: ['test/stack/capacity/*.check.ts'] } },
    ],
  },
});

import { defineConfig } from 'vitest/config';

/** `npm run test:long`: tests that take minutes each. */
export default defineConfig({
  test: {
    pool: 'forks',
    include: ['test/long/**/*.test.ts'],
    globalSetup: ['test/support/temporal-server.ts'],
    fileParallelism: false,
    testTimeout: 1_200_000,
    hookTimeout: 90_000,
  },
});

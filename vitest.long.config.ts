import { defineConfig } from 'vitest/config';

const slow = { pool: 'forks' as const, fileParallelism: false, testTimeout: 1_200_000, hookTimeout: 120_000 };

/** `npm run test:long`: tests that take minutes. */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...slow,
          name: 'long',
          include: ['test/long/**/*.test.ts'],
          globalSetup: ['test/support/temporal-server.ts'],
        },
      },
      {
        test: {
          ...slow,
          name: 'week',
          include: ['test/overnight/allocation-week.test.ts'],
          globalSetup: ['test/support/time-skipping-server.ts'],
        },
      },
    ],
  },
});

import { defineConfig } from 'vitest/config';

const slow = {
  pool: 'forks' as const,
  fileParallelism: false,
  testTimeout: 1_200_000,
  hookTimeout: 120_000,
  expect: { poll: { timeout: 45_000 } },
};

/** `npm run test:long`: tests that take minutes. */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...slow,
          name: 'slow',
          include: ['test/slow/**/*.test.ts'],
          exclude: ['test/slow/allocation-week.test.ts'],
          globalSetup: ['test/helpers/temporal-server.ts'],
        },
      },
      {
        test: {
          ...slow,
          name: 'week',
          include: ['test/slow/allocation-week.test.ts'],
          globalSetup: ['test/helpers/time-skipping-server.ts'],
        },
      },
    ],
  },
});

import { defineConfig } from 'vitest/config';

/** `npm run nights`: what a forecast is worth, in 200 nights; some ten minutes. */
export default defineConfig({
  test: {
    include: ['test/nights/**/*.test.ts'],
    globalSetup: ['test/helpers/time-skipping-server.ts'],
    testTimeout: 7_200_000,
    hookTimeout: 120_000,
  },
});

import { defineConfig } from 'vitest/config';

/** `npm run record`: records the histories that test/replay replays. */
export default defineConfig({
  test: {
    pool: 'forks',
    include: ['test/replay/record.ts'],
    globalSetup: ['test/helpers/temporal-server.ts'],
    testTimeout: 120_000,
    hookTimeout: 90_000,
  },
});

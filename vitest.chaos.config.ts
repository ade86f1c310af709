import { defineConfig } from 'vitest/config';

/** `npm run chaos`: test/chaos in its long form. */
export default defineConfig({
  test: {
    pool: 'forks',
    include: ['test/chaos/chaos.slow.ts'],
    globalSetup: ['test/helpers/temporal-server.ts'],
    // Nearly all of a case is waiting: for heartbeats, for the sticky queue, for retries.
    maxConcurrency: Number(process.env['CHAOS_CONCURRENCY'] ?? 6),
    testTimeout: 600_000,
    hookTimeout: 90_000,
  },
});

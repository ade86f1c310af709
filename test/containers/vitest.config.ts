import { defineConfig } from 'vitest/config';

/** `npm run test:image`: runs the steps of the Dockerfile on this machine. */
export default defineConfig({
  test: {
    pool: 'forks',
    include: ['test/containers/image.check.ts'],
    testTimeout: 600_000,
    hookTimeout: 600_000,
  },
});

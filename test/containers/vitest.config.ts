import { defineConfig } from 'vitest/config';

/** `npm run test:image`: the steps of the Dockerfile, carried out on this machine. */
export default defineConfig({
  test: {
    pool: 'forks',
    include: ['test/containers/image.check.ts'],
    testTimeout: 600_000,
    hookTimeout: 600_000,
  },
});

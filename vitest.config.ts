import { defineConfig } from 'vitest/config';

const processes = {
  pool: 'forks' as const,
  testTimeout: 60_000,
  hookTimeout: 90_000,
  // A second, the default, is short for what several processes do on a busy machine.
  expect: { poll: { timeout: 45_000 } },
};

export default defineConfig({
  test: {
    // Most tests wait for timers and processes, not for a core: one file at a time took 22 minutes on two cores.
    maxWorkers: 3,
    // The SDK's client does not stop the timer of a retry when its connection is closed.
    onUnhandledError: ({ message, stack = '' }) =>
      !(message === 'Channel has been shut down' && stack.includes('grpc-retry')),
    projects: [
      // Starts no server and no process. Without isolation, because loading modules took most of the time.
      {
        test: {
          ...processes,
          name: 'unit',
          include: ['test/{unit,docs}/**/*.test.ts'],
          isolate: false,
        },
      },
      // One part with real HTTP on loopback, real processes and the simulated org, but no Temporal server.
      {
        test: {
          ...processes,
          name: 'component',
          include: ['test/{component,package,containers}/**/*.test.ts'],
        },
      },
      // Real Temporal dev server, real workers, the simulated org over HTTP.
      {
        test: {
          ...processes,
          name: 'integration',
          include: ['test/integration/**/*.test.ts', 'test/replay/**/*.test.ts', 'test/chaos/**/*.test.ts'],
          globalSetup: ['test/helpers/temporal-server.ts'],
          // Of a busy machine. The output says `retry x1`: look for the reason, two were errors in a workflow.
          retry: 1,
          testTimeout: 120_000,
        },
      },
      // Nights under time skipping.
      {
        test: {
          ...processes,
          name: 'time-skipping',
          include: ['test/time-skipping/**/*.test.ts'],
          // The test server may lose a workflow task that cancels what just ended (temporalio/sdk-java#2391).
          retry: 1,
          globalSetup: ['test/helpers/time-skipping-server.ts'],
          testTimeout: 120_000,
        },
      },
    ],
  },
});

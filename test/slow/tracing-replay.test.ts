/** Loads that began without tracing continue on a worker with it: its interceptors change no command. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from '@temporalio/worker';
import { expect, it, onTestFinished } from 'vitest';
import { bundleWorkflows } from '../../src/workers/bundle.js';
import { openTracing } from '../../src/workers/tracing.js';
import { quietWorkers } from '../helpers/load-harness.js';

it('histories that were recorded without tracing replay with it', { timeout: 120_000 }, async () => {
  quietWorkers();
  const tracing = await openTracing({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' });
  onTestFinished(() => tracing?.close());
  const code = await bundleWorkflows({}, tracing?.workflowModules);
  const folder = fileURLToPath(new URL('../replay/histories', import.meta.url));
  for (const name of await readdir(folder)) {
    const { workflowId, history } = JSON.parse(await readFile(join(folder, name), 'utf8')) as {
      workflowId: string;
      history: unknown;
    };
    const options = { workflowBundle: { code }, plugins: tracing?.plugins ?? [] };
    await expect(Worker.runReplayHistory(options, history, workflowId), name).resolves.toBeUndefined();
  }
});

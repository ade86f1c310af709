/**
 * A worker on a separate task queue with broken workflow code, a different error for each type: see
 * `broken-workflows.ts`.
 */
import { fileURLToPath } from 'node:url';
import { Worker } from '@temporalio/worker';
import type { NativeConnection } from '@temporalio/worker';

export async function startBrokenWorker(
  connection: NativeConnection,
  taskQueue: string,
  namespace = 'default',
): Promise<{ stop(): Promise<void> }> {
  const workflowsPath = fileURLToPath(new URL('./broken-workflows.ts', import.meta.url));
  const worker = await Worker.create({ connection, namespace, taskQueue, workflowsPath });
  const running = worker.run();
  return {
    async stop() {
      worker.shutdown();
      await running;
    },
  };
}

/** Workflows of another project, which know nightload only by its names. */
import { executeChild, startChild, isCancellation, CancellationScope, sleep } from '@temporalio/workflow';

interface Load {
  source: string;
  object: string;
  operation: string;
  externalIdFieldName?: string;
  poll?: object;
}

export async function loadAndReport(load: Load, taskQueue: string): Promise<string> {
  const result = await executeChild('bulkLoad', {
    taskQueue,
    args: [load],
    workflowId: `bulk-load/from-parent-${load.source.length}`,
  });
  return `${result.state}: ${result.records.succeeded}`;
}

/** Starts a load, cancels it later, and returns how it ended. */
export async function loadAndCancel(
  load: Load,
  taskQueue: string,
  workflowId: string,
  afterMs: number,
): Promise<string> {
  try {
    await CancellationScope.cancellable(async () => {
      const child = await startChild('bulkLoad', { taskQueue, args: [load], workflowId });
      const scope = CancellationScope.current();
      void CancellationScope.nonCancellable(() => sleep(afterMs)).then(() => scope.cancel());
      await child.result();
    });
    return 'completed';
  } catch (error) {
    if (isCancellation(error)) return 'canceled';
    throw error;
  }
}

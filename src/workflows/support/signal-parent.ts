/** Reports from a child to the workflow that started it. */
import type { SignalDefinition } from '@temporalio/common';
import { getExternalWorkflowHandle, isCancellation, workflowInfo } from '@temporalio/workflow';

/** A parent that is gone stops nothing. */
export async function signalParent<T>(signal: SignalDefinition<[T]>, message: T): Promise<void> {
  const { parent } = workflowInfo();
  if (parent === undefined) return;
  try {
    await getExternalWorkflowHandle(parent.workflowId).signal(signal, message);
  } catch (error) {
    if (isCancellation(error)) throw error;
  }
}

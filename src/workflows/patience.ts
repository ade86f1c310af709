/** Steps at the end of a workflow: patient as long as nobody cancels, bounded like all clean-up as soon as somebody does. */
import { CancellationScope, isCancellation } from '@temporalio/workflow';

/**
 * Runs `step` with all the time that an outage may take. A cancel of `root` interrupts that, and the step is done again
 * in a hurry. For code that runs in a non-cancellable scope, where nothing else would notice the cancel.
 */
export async function untilCanceled<T>(
  root: CancellationScope,
  run: { canceled: boolean },
  step: (hurry: boolean) => Promise<T>,
): Promise<T> {
  run.canceled ||= root.consideredCancelled;
  if (run.canceled) return step(true);
  const scope = new CancellationScope();
  void root.cancelRequested.catch(() => scope.cancel());
  try {
    return await scope.run(() => step(false));
  } catch (error) {
    if (!isCancellation(error)) throw error;
    run.canceled = true;
    return step(true);
  }
}

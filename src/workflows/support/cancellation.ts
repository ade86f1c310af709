/** Steps at the end of a workflow: patient until a cancellation, then bounded like all clean-up. */
import { CancellationScope, isCancellation } from '@temporalio/workflow';

/**
 * Runs `step` with all the time that an outage may take. A cancellation of `root` interrupts it, and the step is
 * repeated with short limits: `isCanceled` is then true. For code in a non-cancellable scope, which would not notice the cancellation otherwise.
 */
export async function untilCanceled<T>(
  root: CancellationScope,
  run: { canceled: boolean },
  step: (isCanceled: boolean) => Promise<T>,
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

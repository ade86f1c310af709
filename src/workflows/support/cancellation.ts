/** Steps at the end of a workflow: patient until a cancellation, then bounded like all clean-up. */
import { CancellationScope, isCancellation } from '@temporalio/workflow';
import { mayPassLater } from '../../domain/failures.js';

/**
 * Whether a cancellation is why a step failed. Temporal does not repeat a step once it is to be canceled: if its worker is
 * killed then, or it fails for a reason that passes, that is how it ends.
 */
export function endedByCancellation(error: unknown, scope = CancellationScope.current()): boolean {
  return isCancellation(error) || (scope.consideredCancelled && mayPassLater(error));
}

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
    if (!endedByCancellation(error, scope)) throw error;
    run.canceled = true;
    return step(true);
  }
}

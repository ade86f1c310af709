/** Runs the steps of a load, and what watches it meanwhile. */
import { CancellationScope } from '@temporalio/workflow';
import type { Load } from '../load/load.js';

export async function whileWatching(
  load: Load,
  watches: readonly ((load: Load) => Promise<void>)[],
  steps: () => Promise<void>,
): Promise<void> {
  const watch = new CancellationScope();
  for (const one of watches) watch.run(() => one(load)).catch(() => undefined);
  try {
    await steps();
  } finally {
    watch.cancel();
  }
}

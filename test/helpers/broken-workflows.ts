/** Broken workflow code: each workflow task fails, forever. */
import { ApplicationFailure } from '@temporalio/common';
import { sleep } from '@temporalio/workflow';

export async function bulkLoad(input: { object: string }): Promise<unknown> {
  // Another version might begin like this: with a timer.
  if (input.object === 'OtherVersion') return sleep('1 day');
  // More than the server accepts.
  if (input.object === 'Large') return 'x'.repeat(5_000_000);
  if (input.object === 'Gentle') throw ApplicationFailure.nonRetryable('not reached');
  throw new TypeError('Cannot read \u001b[31mproperties of undefined');
}

export function orgAllocation(): Promise<never> {
  throw new TypeError('Cannot read the ledger');
}

/** A worker whose code is broken: each of its workflow tasks fails, for ever. */
import { ApplicationFailure } from '@temporalio/common';

export function bulkLoad(input: { object: string }): Promise<never> {
  if (input.object === 'Gentle') throw ApplicationFailure.nonRetryable('not reached');
  throw new TypeError('Cannot read \u001b[31mproperties of undefined');
}

export function orgAllocation(): Promise<never> {
  throw new TypeError('Cannot read the ledger');
}

/** The org's own count of what is left, for when no ledger runs. */
import { ApplicationFailure } from '@temporalio/common';
import { toLoadError } from '../../domain/failures.js';
import { readConnection } from '../../domain/input/other-inputs.js';
import type { OrgLimitsRead } from '../../protocol/activities/allocation-activities.js';
import { readActivities } from '../support/activity-options.js';

export async function orgLimits(given?: string): Promise<OrgLimitsRead> {
  const connection = nameOf(given);
  const { value } = await readActivities.readOrgLimits.executeWithOptions({ summary: `limits of ${connection}` }, [
    { connection },
  ]);
  return value;
}

function nameOf(given: unknown): string {
  try {
    return readConnection(given);
  } catch (error) {
    const { code, message } = toLoadError(error);
    throw ApplicationFailure.nonRetryable(message, code);
  }
}

/** What people are told about the end of a load. Pure. */
import type { BulkLoadResult } from '../../contract/load-result.js';
import type { NotifyEvent } from '../../contract/notification.js';

const EVENTS = {
  Completed: 'finished',
  CompletedWithRejects: 'rejected',
  Failed: 'failed',
  Canceled: 'canceled',
} as const satisfies Record<BulkLoadResult['state'], NotifyEvent>;

/** The file of a scheduled load did not come by its time. */
const NO_FILE: readonly string[] = ['SOURCE_NOT_FOUND', 'SOURCE_STILL_GROWING'];

export function eventOfEnd(
  { state, error }: Pick<BulkLoadResult, 'state'> & { error?: BulkLoadResult['error'] | undefined },
  { isScheduled }: { isScheduled: boolean },
): NotifyEvent {
  const hasNoFile = state === 'Failed' && NO_FILE.includes(error?.code ?? '');
  return isScheduled && hasNoFile ? 'notStarted' : EVENTS[state];
}

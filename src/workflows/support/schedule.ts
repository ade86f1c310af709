/** The schedule that started a workflow. */
import { defineSearchAttributeKey } from '@temporalio/common';
import type { WorkflowInfo } from '@temporalio/workflow';

/** As much as the steps take. */
const MAX_SCHEDULE_ID = 1_000;

/** Its id, as the server records it. */
export function scheduleOf({ searchAttributes }: Pick<WorkflowInfo, 'searchAttributes'>): string | undefined {
  const [id] = (searchAttributes['TemporalScheduledById'] ?? []) as unknown[];
  return typeof id === 'string' && id.length <= MAX_SCHEDULE_ID ? id : undefined;
}

const SCHEDULED_FOR = defineSearchAttributeKey('TemporalScheduledStartTime', 'DATETIME');

/** When the load was due: by its schedule, without jitter and however late it began; otherwise when it began. */
export function dueAt({
  typedSearchAttributes,
  startTime,
}: Pick<WorkflowInfo, 'typedSearchAttributes' | 'startTime'>): number {
  return (typedSearchAttributes.get(SCHEDULED_FOR) ?? startTime).getTime();
}

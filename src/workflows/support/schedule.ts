/** The schedule that started a workflow. */
import type { WorkflowInfo } from '@temporalio/workflow';

/** As much as the steps take. */
const MAX_SCHEDULE_ID = 1_000;

/** Its id, as the server records it. */
export function scheduleOf({ searchAttributes }: Pick<WorkflowInfo, 'searchAttributes'>): string | undefined {
  const [id] = (searchAttributes['TemporalScheduledById'] ?? []) as unknown[];
  return typeof id === 'string' && id.length <= MAX_SCHEDULE_ID ? id : undefined;
}

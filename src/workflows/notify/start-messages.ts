/** Starts the messages of one event, as a child workflow that outlives its parent, also one that is canceled. */
import { ChildWorkflowCancellationType, ParentClosePolicy, startChild } from '@temporalio/workflow';
import type { NotifyFacts, ReportPlace } from '../../protocol/activities/notify-types.js';
import type { sendNotifications } from './send-notifications.js';

interface Messages {
  facts: NotifyFacts;
  /** Of the report that shows what was not delivered; absent if there is none. */
  place?: ReportPlace | undefined;
}

/**
 * @param workflowId used once: what was sent is not sent again
 * @returns why no message was started, if it was not: nobody may wait or fail because of that
 */
export async function startMessages(workflowId: string, { facts, place }: Messages): Promise<string | undefined> {
  try {
    await startChild<typeof sendNotifications>('sendNotifications', {
      args: place === undefined ? [facts] : [facts, place],
      workflowId,
      staticSummary: `messages: ${facts.event}`,
      parentClosePolicy: ParentClosePolicy.ABANDON,
      cancellationType: ChildWorkflowCancellationType.ABANDON,
      workflowIdReusePolicy: 'REJECT_DUPLICATE',
    });
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.name : 'UNEXPECTED';
  }
}

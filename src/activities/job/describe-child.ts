/** Describes a child workflow directly, in case the event of its end never arrives. */
import { Context, getClient } from '@temporalio/activity';
import { ApplicationFailure, defineSearchAttributeKey, WorkflowNotFoundError } from '@temporalio/common';
import { WorkflowFailedError } from '@temporalio/client';
import type { SearchAttributeName } from '../../contract/names.js';
import { runActivity } from '../run-activity.js';
import type { ChildStatus, DescribeChildInput } from '../../protocol/activities/job-types.js';

const JOB_IDS = defineSearchAttributeKey('NightloadJobIds' satisfies SearchAttributeName, 'KEYWORD_LIST');
const CHILD_TYPES: readonly string[] = ['ingestJob', 'retryFailedRows'];
/** A report with more is unreadable. */
const MAX_JOB_IDS = 5;

export function describeChild(): (input: DescribeChildInput) => Promise<ChildStatus> {
  return runActivity(async ({ workflowId }) => {
    const asks = Context.current().info.workflowExecution?.workflowId ?? '';
    const handle = getClient().workflow.getHandle(workflowId);
    try {
      const { status, type, raw, typedSearchAttributes } = await handle.describe();
      // Another client may have started a workflow under the child's id; its result is ignored.
      const parent = raw.workflowExecutionInfo?.parentExecution?.workflowId;
      const isChild = CHILD_TYPES.includes(type) && parent === asks;
      if (!isChild && status.name !== 'RUNNING') return { runs: false };
      if (status.name === 'RUNNING') return { runs: true };
      const ids = typedSearchAttributes.get(JOB_IDS)?.filter((id) => /^[A-Za-z0-9]{15,18}$/.test(id));
      const ended = { runs: false, ...(ids !== undefined && { jobIds: ids.slice(-MAX_JOB_IDS) }) };
      if (!['COMPLETED', 'FAILED'].includes(status.name)) return ended;
      return { ...ended, result: await resultOf(() => handle.result()) };
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return { runs: false };
      throw error;
    }
  });
}

/** A child that fails returns its result as the first detail of the failure. */
async function resultOf(read: () => Promise<unknown>): Promise<unknown> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    return error.cause instanceof ApplicationFailure ? error.cause.details?.[0] : undefined;
  }
}

/** Looks at a child workflow itself, when the one event that tells of its end may never come. */
import { Context, getClient } from '@temporalio/activity';
import { ApplicationFailure, defineSearchAttributeKey, WorkflowNotFoundError } from '@temporalio/common';
import { WorkflowFailedError } from '@temporalio/client';
import type { SearchAttributeName } from '../contract.js';
import { step } from './step.js';
import type { ChildLook, DescribeChildInput } from './types.js';

const JOB_IDS = defineSearchAttributeKey('NightloadJobIds' satisfies SearchAttributeName, 'KEYWORD_LIST');
const CHILD_TYPES: readonly string[] = ['ingestJob', 'retryFailedRows'];
/** More of them nobody reads. */
const MOST_JOB_IDS = 5;

export function describeChild(): (input: DescribeChildInput) => Promise<ChildLook> {
  return step(async ({ workflowId }) => {
    const asks = Context.current().info.workflowExecution?.workflowId ?? '';
    const handle = getClient().workflow.getHandle(workflowId);
    try {
      const { status, type, raw, typedSearchAttributes } = await handle.describe();
      // Anybody may have started a workflow under the id of a child: what that one left behind counts for nothing.
      const parent = raw.workflowExecutionInfo?.parentExecution?.workflowId;
      const isChild = CHILD_TYPES.includes(type) && parent === asks;
      if (!isChild && status.name !== 'RUNNING') return { runs: false };
      if (status.name === 'RUNNING') return { runs: true };
      const ids = typedSearchAttributes.get(JOB_IDS)?.filter((id) => /^[A-Za-z0-9]{15,18}$/.test(id));
      const ended = { runs: false, ...(ids !== undefined && { jobIds: ids.slice(-MOST_JOB_IDS) }) };
      if (!['COMPLETED', 'FAILED'].includes(status.name)) return ended;
      return { ...ended, result: await resultOf(() => handle.result()) };
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return { runs: false };
      throw error;
    }
  });
}

/** Children that fail give their result as the first detail of the failure. */
async function resultOf(read: () => Promise<unknown>): Promise<unknown> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    return error.cause instanceof ApplicationFailure ? error.cause.details?.[0] : undefined;
  }
}

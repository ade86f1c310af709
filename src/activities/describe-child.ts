/** Looks at a child workflow itself, when the one event that tells of its end may never come. */
import { getClient } from '@temporalio/activity';
import { ApplicationFailure, WorkflowNotFoundError } from '@temporalio/common';
import { WorkflowFailedError } from '@temporalio/client';
import { step } from './step.js';
import type { ChildLook, DescribeChildInput } from './types.js';

export function describeChild(): (input: DescribeChildInput) => Promise<ChildLook> {
  return step(async ({ workflowId, withResult }) => {
    const handle = getClient().workflow.getHandle(workflowId);
    try {
      const { status } = await handle.describe();
      if (status.name === 'RUNNING') return { runs: true };
      if (!withResult || !['COMPLETED', 'FAILED'].includes(status.name)) return { runs: false };
      return { runs: false, result: await resultOf(() => handle.result()) };
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

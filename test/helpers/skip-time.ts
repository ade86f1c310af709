/** What tests do with a load while the time-skipping server skips time. */
import type { Client } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { expect } from 'vitest';
import type { LoadHandle } from '../../src/client/load-handle.js';

const MAX_STEPS = 200;

/** Skips time step by step until `isSo`; fails when it never is, as when a load has ended before. */
export async function skipUntil(
  env: TestWorkflowEnvironment,
  step: string,
  isSo: () => boolean | Promise<boolean>,
): Promise<void> {
  for (let n = 0; n < MAX_STEPS; n++) {
    if (await isSo()) return;
    await env.sleep(step);
  }
  throw new Error(`after ${MAX_STEPS} steps of ${step} it is still not so: ${isSo.toString()}`);
}

/**
 * Cancels a load in a moment in which it and its children only wait. The time-skipping server forgets a workflow task
 * that cancels an activity which ends at the same moment (temporalio/sdk-java#2391), and the load would never end.
 */
export async function cancelIdle(client: Client, load: LoadHandle): Promise<void> {
  await expect.poll(() => busy(client, load.workflowId), { timeout: 60_000 }).toEqual([]);
  await load.cancel();
}

/** Open activities and workflow tasks of a workflow and its running children. */
async function busy(client: Client, workflowId: string): Promise<string[]> {
  const handle = client.workflow.getHandle(workflowId);
  // This server describes no pending workflow task.
  const { events } = await handle.fetchHistory();
  const task = events?.findLast((event) => Object.keys(event).some((key) => key.startsWith('workflowTask')));
  const { raw } = await handle.describe();
  const children = await Promise.all((raw.pendingChildren ?? []).map((child) => busy(client, child.workflowId ?? '')));
  return [
    ...(task?.workflowTaskCompletedEventAttributes ? [] : [`${workflowId}: workflow task`]),
    ...(raw.pendingActivities ?? []).map(({ activityType }) => `${workflowId}: ${activityType?.name}`),
    ...children.flat(),
  ];
}

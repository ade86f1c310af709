/**
 * Whether a workflow still waits for this attempt of an activity. Anyone who may complete activities can end it in the
 * worker's place, and a workflow that was reset or terminated no longer waits: what the activity then returns is lost.
 */
import { Context } from '@temporalio/activity';

const ASK_MS = 5_000;
/** gRPC's NOT_FOUND. */
const NOT_FOUND = 5;

/** True if that is unknown. */
export async function isAwaited(): Promise<boolean> {
  try {
    const { client, info } = Context.current();
    const { activityId, attempt, workflowExecution: execution } = info;
    if (execution === undefined) return true;
    const { namespace } = client.options;
    const { pendingActivities } = await client.withDeadline(Date.now() + ASK_MS, () =>
      client.workflowService.describeWorkflowExecution({ namespace, execution }),
    );
    const pending = pendingActivities?.find((one) => one.activityId === activityId);
    return pending !== undefined && (pending.attempt ?? attempt) === attempt;
  } catch (error) {
    return (error as { code?: unknown }).code !== NOT_FOUND;
  }
}

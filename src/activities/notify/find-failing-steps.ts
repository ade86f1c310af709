/** Steps of a load that fail and are retried, as Temporal lists them for the load and its children. */
import { Context } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import { defined } from '../../domain/defined.js';
import { codeOr } from '../../domain/text/shown-code.js';
import { ACTIVITY_INPUTS } from '../../protocol/activities/activity-inputs.js';
import type { FailingStep } from '../../protocol/activities/notify-types.js';
import { runActivity } from '../run-activity.js';

/** One failure is a hiccup. */
const MIN_ATTEMPT = 3;
/** The load, its parts or its retry, and the parts of the retry. */
const MAX_DEPTH = 2;
const MAX_WORKFLOWS = 40;
const ASK_MS = 15_000;

export function findFailingSteps(): (input: undefined) => Promise<{ failing?: FailingStep }> {
  return runActivity(async (_input, { signal }) => {
    const { client, info } = Context.current();
    const { workflowId = '' } = info.workflowExecution ?? {};
    const found = await client.withAbortSignal(signal, () =>
      client.withDeadline(Date.now() + ASK_MS, () =>
        failingIn(client, workflowId, { depth: 0, left: { workflows: MAX_WORKFLOWS } }),
      ),
    );
    return defined({ failing: found });
  });
}

interface Search {
  depth: number;
  /** Of the whole search. */
  left: { workflows: number };
}

/** The one with the most attempts has failed for the longest. */
async function failingIn(
  client: Client,
  workflowId: string,
  { depth, left }: Search,
): Promise<FailingStep | undefined> {
  if (--left.workflows < 0) return undefined;
  const { raw } = await client.workflow.getHandle(workflowId).describe();
  const steps = (raw.pendingActivities ?? []).flatMap(({ activityType, attempt, lastFailure }): FailingStep[] => {
    const step = activityType?.name ?? '';
    if (lastFailure == null || (attempt ?? 1) < MIN_ATTEMPT || !Object.hasOwn(ACTIVITY_INPUTS, step)) return [];
    const code = codeOr(lastFailure.applicationFailureInfo?.type, 'UNEXPECTED');
    return [{ step, code, attempt: attempt ?? 1 }];
  });
  if (depth < MAX_DEPTH) {
    const children = (raw.pendingChildren ?? []).flatMap(({ workflowId: id }) => (id == null ? [] : [id]));
    for (const child of children) {
      // It may have ended meanwhile.
      const found = await failingIn(client, child, { depth: depth + 1, left }).catch(() => undefined);
      if (found !== undefined) steps.push(found);
    }
  }
  return steps.sort((one, other) => other.attempt - one.attempt)[0];
}

/** Steps of a load that fail and are tried again: what a person may have to mend while the load waits. */
import type { Client } from '@temporalio/client';

export interface Trouble {
  /** The step, as `readJob`. */
  step: string;
  /** Workflow that waits for it. */
  workflowId: string;
  attempt: number;
  message: string;
}

/** More running children than these are not looked at. */
const MOST_CHILDREN = 20;
/** Retry, its round, its job. */
const DEEPEST = 3;

/** One failure is a hiccup; from the second on it is told. */
export async function troublesOf(client: Client, workflowId: string, depth = 0): Promise<Trouble[]> {
  const { workflowService, options } = client;
  const { pendingActivities, pendingChildren } = await workflowService.describeWorkflowExecution({
    namespace: options.namespace,
    execution: { workflowId },
  });
  const own = (pendingActivities ?? []).flatMap(({ activityType, attempt, lastFailure }) =>
    lastFailure && (attempt ?? 1) > 2
      ? [{ step: activityType?.name ?? '', workflowId, attempt: attempt ?? 1, message: lastFailure.message ?? '' }]
      : [],
  );
  if (depth >= DEEPEST) return own;
  const children = await Promise.all(
    (pendingChildren ?? [])
      .slice(0, MOST_CHILDREN)
      .map((child) => troublesOf(client, child.workflowId ?? '', depth + 1).catch(() => [])),
  );
  return [...own, ...children.flat()];
}

export function troubleLine({ step, attempt, message }: Trouble): string {
  return `${step} failed ${attempt - 1} times and is tried again: ${message}`;
}

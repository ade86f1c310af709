/**
 * A workflow task that keeps failing: the load stands still although workers are running. Reads what Temporal knows
 * about it.
 */
import type { Client } from '@temporalio/client';
import { failureMessage } from '../../../codec/read-payloads.js';
import { plainText } from '../../../domain/text/plain-text.js';

export interface TaskFailure {
  /** Temporal's name without the common prefix: `NonDeterministicError`. */
  cause: string;
  /** The worker's or the server's own message. */
  message: string;
}

/** The part of a description that shows whether tasks fail. */
export interface DescribedTask {
  pendingWorkflowTask?: { attempt?: number | null } | null;
  workflowExecutionInfo?: {
    searchAttributes?: { indexedFields?: Record<string, { data?: Uint8Array | null }> | null } | null;
  } | null;
}

/** Values of `temporal.api.enums.v1.EventType`. */
const TASK_COMPLETED = 7;
const TASK_TIMED_OUT = 8;
const TASK_FAILED = 9;
/** Values of `temporal.api.enums.v1.WorkflowTaskFailedCause` about which more than the name can be said. */
const CAUSES: Record<number, string> = {
  2: 'BadScheduleActivityAttributes',
  7: 'BadCompleteWorkflowExecutionAttributes',
  11: 'BadContinueAsNewAttributes',
  14: 'WorkflowWorkerUnhandledFailure',
  16: 'BadStartChildExecutionAttributes',
  23: 'BadSearchAttributes',
  24: 'NonDeterministicError',
  25: 'BadModifyWorkflowPropertiesAttributes',
  26: 'PendingChildWorkflowsLimitExceeded',
  27: 'PendingActivitiesLimitExceeded',
  36: 'GrpcMessageTooLarge',
  37: 'PayloadsTooLarge',
  38: 'ExternalStorageFailure',
  40: 'RequestTooLarge',
};
/** Not failures: new commands arrived, the task moved to another worker, a person reset the workflow. */
const ROUTINE = [1, 13, 17, 18, 20, 39];
/** A worker that ended midway leaves one or two of these. */
const TIMEOUTS_TOLD_FROM = 3;
const REPORTED = 'TemporalReportedProblems';

/** Why a workflow's current task fails, if it does. */
export async function taskFailureOf(
  client: Client,
  workflowId: string,
  described: DescribedTask,
): Promise<(TaskFailure & { attempt: number }) | undefined> {
  const attempt = described.pendingWorkflowTask?.attempt ?? 1;
  const reported = reportedCause(described);
  if (attempt < 2 && reported === undefined) return undefined;
  const { history } = await client.workflowService.getWorkflowExecutionHistoryReverse({
    namespace: client.options.namespace,
    execution: { workflowId },
    maximumPageSize: 20,
  });
  for (const { eventType, workflowTaskFailedEventAttributes: failed } of history?.events ?? []) {
    if (eventType === TASK_COMPLETED) break;
    if (eventType === TASK_TIMED_OUT && attempt >= TIMEOUTS_TOLD_FROM) {
      return { attempt, cause: 'TimedOut', message: 'a worker took the task and did not answer in time' };
    }
    if (eventType !== TASK_FAILED || ROUTINE.includes(failed?.cause ?? 0)) continue;
    const cause = CAUSES[failed?.cause ?? 0] ?? `cause ${failed?.cause ?? 0}`;
    return { attempt, cause, message: plainText(await failureMessage(client, failed?.failure, workflowId), 300) };
  }
  return reported === undefined ? undefined : { attempt, cause: reported, message: '' };
}

/**
 * What the server itself records after several failures:
 * `["category=WorkflowTaskFailed","cause=WorkflowTaskFailedCause…"]`.
 */
function reportedCause({ workflowExecutionInfo }: DescribedTask): string | undefined {
  const data = workflowExecutionInfo?.searchAttributes?.indexedFields?.[REPORTED]?.data;
  if (!data) return undefined;
  const text = plainText(Buffer.from(data).toString('utf8'), 300);
  return /cause=(?:WorkflowTask(?:Failed|TimedOut)Cause)?(\w+)/.exec(text)?.[1] ?? text;
}

/** What a person can do about it. */
export function adviceFor({ cause, message }: TaskFailure): string {
  if (/NonDeterministic/i.test(cause)) {
    return 'The worker runs a different version of nightload than the load started with. Start workers of that version; the load resumes by itself.';
  }
  const isOverLimit = /exceeds? /i.test(message) && /limit/i.test(message);
  if (/TooLarge/.test(cause) || isOverLimit || /too large|larger than/i.test(message)) {
    return 'The state of the load is larger than Temporal accepts. Cancel it, and load its file with larger parts (--part-size) or with fewer columns and constants in the input.';
  }
  if (/SearchAttributes/.test(cause)) {
    return "Restart the workers so that they see the search attributes of the namespace, or create nightload's.";
  }
  if (/no such function is exported|not registered/i.test(message)) {
    return 'The worker of this task queue is not a nightload worker, or has another version. Start `nightload worker` on this queue and stop the other one, or use another NIGHTLOAD_TASK_QUEUE.';
  }
  if (/encoding|codec|encrypt|decrypt|decod|cipher/i.test(message)) {
    return 'The worker cannot decode the input of the load: give it the payload codec and the keys of the client that started the load (NIGHTLOAD_CODEC_KEYS), and restart it.';
  }
  if (cause === 'TimedOut') {
    return 'Check the log and the memory of the workers, and restart them.';
  }
  return "Check the workers' log. The load resumes by itself once a worker can run it: restart the workers, or start workers of another nightload version; report it if it persists.";
}

/** Workflow tasks that failed because of the code. */
import { temporal } from '@temporalio/proto';

type Events = readonly temporal.api.history.v1.IHistoryEvent[] | null | undefined;

/** A message that arrived while the workflow was ending: the server asks again, as it should. */
const RACE = temporal.api.enums.v1.WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND;

export function failedTasksIn(events: Events): temporal.api.history.v1.IHistoryEvent[] {
  return (events ?? []).filter(
    ({ workflowTaskFailedEventAttributes: failed }) => failed != null && failed.cause !== RACE,
  );
}

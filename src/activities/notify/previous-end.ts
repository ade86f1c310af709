/**
 * How the load before this one ended: of the same schedule, otherwise with an id that differs only in digits. A run of
 * the schedule that did not begin since then counts too.
 */
import { Context } from '@temporalio/activity';
import { LATE_MEMO } from '../../contract/names.js';
import { quoted } from '../../domain/text/visibility-query.js';
import type { NotifyFacts } from '../../protocol/activities/notify-types.js';
import { watcherIdOf } from '../../protocol/messages/schedule-messages.js';

const BAD_ENDS: readonly string[] = ['FAILED', 'TERMINATED', 'TIMED_OUT'];
/** Loads with a similar id that are looked at. */
const MAX_LOOKED_AT = 200;
const ASK_MS = 15_000;

/** Whether the load before this one failed, was late or did not start. Without an answer of the server, it did not. */
export async function endedBadlyBefore(facts: NotifyFacts, signal: AbortSignal): Promise<boolean> {
  const { client, info } = Context.current();
  return client.withAbortSignal(signal, () =>
    client.withDeadline(Date.now() + ASK_MS, async () => {
      let looked = 0;
      let since: Date | undefined;
      for await (const { workflowId, runId, status, memo, closeTime } of client.workflow.list({
        query: queryFor(facts),
      })) {
        if (++looked > MAX_LOOKED_AT) return false;
        if (runId === facts.runId || (facts.schedule === undefined && !isAlike(workflowId, facts.workflowId))) continue;
        if (BAD_ENDS.includes(status.name) || memo?.[LATE_MEMO] === true) return true;
        since = closeTime;
        break;
      }
      if (facts.schedule === undefined) return false;
      const query = absentQuery(facts.schedule, info.taskQueue, since);
      return (await client.workflow.count(query)).count > 0;
    }),
  );
}

/** The newest first, as the server lists ended workflows. */
export function queryFor({ schedule, workflowId }: Pick<NotifyFacts, 'schedule' | 'workflowId'>): string {
  const ended = "WorkflowType = 'bulkLoad' AND ExecutionStatus NOT IN ('Running', 'ContinuedAsNew', 'Canceled')";
  if (schedule !== undefined) return `${ended} AND TemporalScheduledById = ${quoted(schedule)}`;
  const start = /^\D*/.exec(workflowId)?.[0] ?? '';
  return `${ended} AND WorkflowId STARTS_WITH ${quoted(start)}`;
}

/** Messages of the watcher about runs of the schedule that did not begin. */
export function absentQuery(schedule: string, taskQueue: string, since: Date | undefined): string {
  const told = `WorkflowType = 'sendNotifications' AND WorkflowId STARTS_WITH ${quoted(`${watcherIdOf(taskQueue)}/notStarted/${schedule}/`)}`;
  return since === undefined ? told : `${told} AND StartTime > ${quoted(since.toISOString())}`;
}

export function isAlike(one: string, other: string): boolean {
  return withoutDigits(one) === withoutDigits(other);
}

function withoutDigits(id: string): string {
  return id.replace(/\d+/g, '#');
}

/**
 * How the load before this one ended: of the same schedule, otherwise with an id that differs only in digits. A run of
 * the schedule that was due between the two and did not begin counts too.
 */
import { Context } from '@temporalio/activity';
import { z } from 'zod';
import { LATE_MEMO, RESULT_MEMO } from '../../contract/names.js';
import { dueIn } from '../../domain/load-ids.js';
import { quoted } from '../../domain/text/visibility-query.js';
import type { NotifyFacts } from '../../protocol/activities/notify-types.js';
import { watcherIdOf } from '../../protocol/messages/schedule-messages.js';

const BAD_ENDS: readonly string[] = ['FAILED', 'TERMINATED', 'TIMED_OUT'];
/** Loads with a similar id, and messages, that are looked at. */
const MAX_LOOKED_AT = 200;
const ASK_MS = 15_000;

/** Whether the load before this one failed, was late or did not start. Without an answer of the server, it did not. */
export async function endedBadlyBefore(facts: NotifyFacts, signal: AbortSignal): Promise<boolean> {
  const { client, info } = Context.current();
  return client.withAbortSignal(signal, () =>
    client.withDeadline(Date.now() + ASK_MS, async () => {
      let looked = 0;
      let before: string | undefined;
      for await (const { workflowId, runId, status, memo } of client.workflow.list({ query: queryFor(facts) })) {
        if (++looked > MAX_LOOKED_AT) return false;
        if (runId === facts.runId) continue;
        const result = RESULT.safeParse(memo?.[RESULT_MEMO]).data;
        if (facts.schedule === undefined && !(isAlike(workflowId, facts.workflowId) && isSame(result, facts))) continue;
        if (BAD_ENDS.includes(status.name) || memo?.[LATE_MEMO] === true) return true;
        // Neither a failure nor a good end: the one before it counts.
        if (result !== undefined && !mostLanded(result.records)) continue;
        before = workflowId;
        break;
      }
      if (facts.schedule === undefined) return false;
      const between = { after: before === undefined ? undefined : dueTime(before), until: dueTime(facts.workflowId) };
      const query = absentQuery(facts.schedule, info.taskQueue, between.after);
      for await (const { workflowId } of client.workflow.list({ query })) {
        if (isBetween(dueTime(workflowId), between)) return true;
        if (++looked > MAX_LOOKED_AT) return false;
      }
      return false;
    }),
  );
}

/** The part of a load's result that matters here; anyone may have written it. */
const RESULT = z.object({
  object: z.string(),
  operation: z.string(),
  records: z.object({ total: z.number(), succeeded: z.number() }),
});

/** A load of another object cannot recover for this one. One that left no result may be of any. */
function isSame(
  result: z.infer<typeof RESULT> | undefined,
  { object, operation }: Pick<NotifyFacts, 'object' | 'operation'>,
): boolean {
  return result === undefined || (result.object === object && result.operation === operation);
}

/** At least half of the rows. */
export function mostLanded({ total, succeeded }: { total: number; succeeded: number }): boolean {
  return 2 * succeeded >= total;
}

/** The newest first, as the server lists ended workflows. */
export function queryFor({ schedule, workflowId }: Pick<NotifyFacts, 'schedule' | 'workflowId'>): string {
  const ended = "WorkflowType = 'bulkLoad' AND ExecutionStatus NOT IN ('Running', 'ContinuedAsNew', 'Canceled')";
  if (schedule !== undefined) return `${ended} AND TemporalScheduledById = ${quoted(schedule)}`;
  const start = /^\D*/.exec(workflowId)?.[0] ?? '';
  return `${ended} AND WorkflowId STARTS_WITH ${quoted(start)}`;
}

/** Messages of the watcher about runs of the schedule that did not begin: they are sent after the run was due. */
export function absentQuery(schedule: string, taskQueue: string, after: number | undefined): string {
  const told = `WorkflowType = 'sendNotifications' AND WorkflowId STARTS_WITH ${quoted(`${watcherIdOf(taskQueue)}/notStarted/${schedule}/`)}`;
  return after === undefined ? told : `${told} AND StartTime > ${quoted(new Date(after).toISOString())}`;
}

export function dueTime(workflowId: string): number | undefined {
  const due = dueIn(workflowId);
  return due === undefined ? undefined : Date.parse(due);
}

/** A run that was skipped because this load was still running was due after it: the next load makes up for that one. */
function isBetween(
  due: number | undefined,
  { after = -Infinity, until = Infinity }: { after: number | undefined; until: number | undefined },
): boolean {
  return due !== undefined && due > after && due < until;
}

export function isAlike(one: string, other: string): boolean {
  return withoutDigits(one) === withoutDigits(other);
}

function withoutDigits(id: string): string {
  return id.replace(/\d+/g, '#');
}

/**
 * The ledgers of all orgs that this namespace's loads share: found by workflow id, each asked for its summary. Those on
 * this environment's task queue come first.
 */
import type { Client } from '@temporalio/client';
import { readAnswer } from '../../client/answers/shapes.js';
import { orgSummary } from '../../client/answers/worker-answers.js';
import { listRuns } from '../../client/pages.js';
import { quoted } from '../../domain/text/visibility-query.js';
import { DEFAULT_TASK_QUEUE } from '../../contract/names.js';
import { time } from '../../domain/text/format.js';
import { withCauses } from '../../domain/text/plain-text.js';
import { NightloadError } from '../../errors.js';
import { ALLOCATION_ID_PREFIX } from '../../protocol/messages/allocation-messages.js';
import type { OrgSummary } from '../../protocol/messages/allocation-messages.js';
import { taskQueueFrom } from './connect.js';
import { say } from '../shared/output.js';
import { unattendedQueue } from '../shared/stuck-loads/task-queues.js';

/** A note for people who wait. */
const SAY_AFTER_MS = 5_000;
/** No one has more orgs; anyone who may start workflows may start any number of ledgers. */
const MAX_LEDGERS = 50;
/** For asking which of the other task queues have workers. */
const QUEUES_LIMIT_MS = 10_000;

interface SilentLedger {
  workflowId: string;
  error: NightloadError;
}

export interface LedgersRead {
  ledgers: OrgSummary[];
  silent: SilentLedger[];
  /** There are ledgers that were not asked. */
  more: boolean;
}

/** @param connection only the org of this connection */
export async function readLedgers(
  client: Client,
  connection: string | undefined,
  queryLimitMs: number,
): Promise<LedgersRead> {
  const queue = quoted(taskQueueFrom(process.env, DEFAULT_TASK_QUEUE));
  const own = await listLedgers(client, `TaskQueue = ${queue}`, MAX_LEDGERS);
  const answers = own.found.map(({ workflowId }) => summaryOf(client, workflowId, queryLimitMs));
  const others = await listLedgers(client, `TaskQueue != ${queue}`, MAX_LEDGERS - own.found.length);
  const { attended, isLate } = await onAttendedQueues(client, others.found);
  answers.push(...attended.map((workflowId) => summaryOf(client, workflowId, queryLimitMs)));
  const known = await Promise.all(answers);
  const ledgers = known.filter((answer): answer is OrgSummary => !('error' in answer));
  const more = own.more || others.more || isLate;
  if (more)
    say(
      'Not all ledgers are shown. In the Temporal UI, terminate orgAllocation workflows that do not belong to nightload.',
    );
  return {
    ledgers: ledgers.filter(({ connections }) => connection === undefined || connections.includes(connection)),
    silent: known.filter((answer): answer is SilentLedger => 'error' in answer),
    more,
  };
}

interface FoundLedger {
  workflowId: string;
  taskQueue: string;
}

/** Running ledgers, at most `limit`; workflows of their type with other ids are somebody else's. */
async function listLedgers(
  client: Client,
  where: string,
  limit: number,
): Promise<{ found: FoundLedger[]; more: boolean }> {
  const query =
    `WorkflowType = 'orgAllocation' AND ExecutionStatus = 'Running' AND ${where} ` +
    `AND WorkflowId STARTS_WITH ${quoted(ALLOCATION_ID_PREFIX)}`;
  const { entries, cut } = await listRuns(client, query, {
    limit: limit + 1,
    show: ({ execution, taskQueue }) => ({ workflowId: execution?.workflowId ?? '', taskQueue: taskQueue ?? '' }),
  });
  if (cut !== undefined) say(`${cut.code}: ${cut.message}`);
  return { found: entries.slice(0, limit), more: cut !== undefined || entries.length > limit };
}

/** Without a worker, a ledger on another queue cannot answer, and says nothing about this environment's orgs. */
async function onAttendedQueues(
  client: Client,
  found: readonly FoundLedger[],
): Promise<{ attended: string[]; isLate: boolean }> {
  const end = Date.now() + QUEUES_LIMIT_MS;
  const unattended = new Map<string, boolean>();
  const attended: string[] = [];
  for (const { workflowId, taskQueue } of found) {
    if (Date.now() > end) return { attended, isLate: true };
    if (!unattended.has(taskQueue))
      unattended.set(taskQueue, (await unattendedQueue(client, taskQueue, undefined)) !== undefined);
    if (unattended.get(taskQueue) === true)
      say(`${workflowId} is omitted: no worker polls its task queue "${taskQueue}".`);
    else attended.push(workflowId);
  }
  return { attended, isLate: false };
}

/** One org's silence must not hide the others. */
async function summaryOf(client: Client, workflowId: string, queryLimitMs: number): Promise<OrgSummary | SilentLedger> {
  const waiting = setTimeout(() => say(`${workflowId} has not answered yet.`), SAY_AFTER_MS);
  try {
    const answer = await client.withDeadline(Date.now() + queryLimitMs, () =>
      client.workflow.getHandle(workflowId).query<unknown, [number]>('limits', Date.now()),
    );
    return readAnswer(orgSummary, answer, `The answer of ${workflowId} to the query \`limits\``);
  } catch (error) {
    if (error instanceof NightloadError) return { workflowId, error };
    const reason = withCauses(error, 300);
    return {
      workflowId,
      error: new NightloadError(
        'LEDGER_NOT_ANSWERING',
        `${workflowId} did not answer within ${time(queryLimitMs)} (${reason}). ` +
          'Its worker is gone or busy: start `nightload worker`. Loads continue without it after two minutes.',
        { cause: error },
      ),
    };
  } finally {
    clearTimeout(waiting);
  }
}

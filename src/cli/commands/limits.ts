/** `nightload limits`: the rolling window of each org that loads share, according to its ledger. */
import { randomUUID } from 'node:crypto';
import type { Client } from '@temporalio/client';
import type { OrgLimitsRead } from '../../protocol/activities/allocation-activities.js';
import { readAnswer } from '../../client/answers/shapes.js';
import { orgLimits, orgSummary } from '../../client/answers/worker-answers.js';
import { listRuns, quoted } from '../../client/pages.js';
import { DEFAULT_TASK_QUEUE } from '../../contract/names.js';
import { NightloadError } from '../../errors.js';
import { ALLOCATION_ID_PREFIX } from '../../protocol/messages/allocation-messages.js';
import type { OrgSummary } from '../../protocol/messages/allocation-messages.js';
import { bar, freesLine, shareLine } from '../../domain/text/window-details.js';
import { withCauses } from '../../domain/text/plain-text.js';
import { clock, count, pastClock, time } from '../../domain/text/format.js';
import { printJson, say } from '../shared/output.js';
import { unattendedQueue } from '../shared/stuck-loads/task-queues.js';
import { runOnWorker, timeoutMs } from '../shared/run-on-worker.js';
import { COMMAND_LIMIT_MS, taskQueueFrom, withClient } from '../temporal/connect.js';
import { defined } from '../../domain/defined.js';

export interface LimitsOptions {
  /** Only this connection's org. */
  connection?: string;
  timeout?: string;
  json?: boolean;
}

/** A query waits for a worker. */
const QUERY_LIMIT_MS = 10_000;
const SAY_AFTER_MS = 5_000;
/** No one has more orgs; who may start workflows may start as many ledgers as they like. */
const MAX_LEDGERS = 50;
/** For asking which of the other task queues have workers. */
const QUEUES_LIMIT_MS = 10_000;

interface SilentLedger {
  workflowId: string;
  error: NightloadError;
}

/** Exit code 1 when an org's ledger does not answer, or there are more: the output is then incomplete. */
export async function limits(options: LimitsOptions): Promise<number> {
  const patience = Math.min(QUERY_LIMIT_MS, timeoutMs(options.timeout));
  const { ledgers, silent, more } = await withClient((client) => runningLedgers(client, options.connection, patience), {
    limitMs: patience + COMMAND_LIMIT_MS,
  });
  const [first] = silent;
  if (first !== undefined && ledgers.length === 0) throw first.error;
  for (const [index, ledger] of ledgers.entries()) {
    if (index > 0) say('');
    print(ledger);
  }
  if (silent.length > 0) say('');
  for (const { error } of silent) say(`${error.code}: ${error.message}`);
  // A ledger that is not shown may be the org's.
  const isUnused = ledgers.length === 0 && !more;
  const org = isUnused ? await ownAccount(options.connection ?? 'default', options.timeout) : undefined;
  if (options.json === true) {
    printJson({
      ledgers,
      ...(silent.length > 0 && {
        silent: silent.map(({ workflowId, error: { code, message } }) => ({ workflowId, code, message })),
      }),
      ...(more && { more }),
      ...defined({ org }),
    });
  }
  return silent.length > 0 || more ? 1 : 0;
}

function ownQueue(): string {
  return taskQueueFrom(process.env, DEFAULT_TASK_QUEUE);
}

interface RunningLedgers {
  ledgers: OrgSummary[];
  silent: SilentLedger[];
  /** There are ledgers that were not asked. */
  more: boolean;
}

async function runningLedgers(
  client: Client,
  connection: string | undefined,
  patience: number,
): Promise<RunningLedgers> {
  const queue = quoted(ownQueue());
  const own = await listLedgers(client, `TaskQueue = ${queue}`, MAX_LEDGERS);
  const answers = own.found.map(({ workflowId }) => summaryOf(client, workflowId, patience));
  const others = await listLedgers(client, `TaskQueue != ${queue}`, MAX_LEDGERS - own.found.length);
  const { attended, isLate } = await onAttendedQueues(client, others.found);
  answers.push(...attended.map((workflowId) => summaryOf(client, workflowId, patience)));
  const known = await Promise.all(answers);
  const ledgers = known.filter((answer): answer is OrgSummary => !('error' in answer));
  const more = own.more || others.more || isLate;
  if (more)
    say(
      'Not all ledgers are shown. Terminate workflows of the type orgAllocation that are not of nightload, in the Temporal UI.',
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

/** A ledger left on another queue whose workers have ended says nothing about our orgs. */
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
async function summaryOf(client: Client, workflowId: string, patience: number): Promise<OrgSummary | SilentLedger> {
  const waiting = setTimeout(() => say(`${workflowId} has not answered yet.`), SAY_AFTER_MS);
  try {
    const answer = await client.withDeadline(Date.now() + patience, () =>
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
        `${workflowId} did not answer within ${time(patience)} (${reason}). ` +
          'Its worker is gone or busy: start `nightload worker`. Loads continue without it after two minutes.',
        { cause: error },
      ),
    };
  } finally {
    clearTimeout(waiting);
  }
}

function print(ledger: OrgSummary): void {
  const { org, connections, at, windowMs, records, batches, jobsTotal, maxJobs, jobs, waiting, waitingTotal } = ledger;
  say(`${org} (connection ${connections.join(', ')}): the last ${time(windowMs)}, as of ${pastClock(at, 0)}`);
  say(`  Records   ${bar(records)}  ${shareLine('records', records)}`);
  say(`  Batches   ${bar(batches)}  ${shareLine('batches', batches)}`);
  say('            █ used  ▓ granted to running jobs  ░ reserved for priority 1 and 2  · free');
  if (batches.others > 0)
    say(
      `  Others    ${count(batches.others)} of the used batches by the org's own count: other clients, or running jobs`,
    );
  const frees = freesLine(ledger);
  if (frees !== undefined) say(`  Next      ${frees}`);
  if (ledger.refused !== undefined) {
    const { code, until } = ledger.refused;
    say(`  Refused   ${code}: Salesforce refused a job, so none is created before ${clock(until, at)}`);
  }
  if (ledger.apiRequests !== undefined) {
    const { remaining, max, at: seenAt } = ledger.apiRequests;
    say(
      `  API       ${count(remaining)} of ${count(max)} requests left, reported by Salesforce at ${pastClock(seenAt, at)}`,
    );
  }
  if (ledger.silentJobs > 0) say(`  Silent    ${ledger.silentJobs} jobs whose workflows are gone; they count as used`);
  say(`  Jobs      ${jobsTotal} of at most ${maxJobs}, ${waitingTotal} waiting`);
  for (const job of jobs) {
    say(
      `    runs    ${job.words}, priority ${job.priority}, ${count(job.records)} records, since ${pastClock(job.since, at)}`,
    );
    say(`            ${job.holder}`);
    if (job.warning !== undefined) say(`            ${job.warning}`);
  }
  for (const one of waiting) {
    say(`    waits   ${one.words}, priority ${one.priority}, ${count(one.records)} records: ${one.reason}`);
    say(`            ${one.holder}`);
  }
}

/** With no usage by loads, only Salesforce can report what is left. */
async function ownAccount(connection: string, timeout: string | undefined): Promise<OrgLimitsRead> {
  say(`No load uses the allocation of connection ${connection}: nothing is used, granted or waiting.`);
  const org = await runOnWorker('orgLimits', orgLimits, {
    workflowId: `nightload-limits/${randomUUID()}`,
    args: [connection],
    staticSummary: `limits of the org of ${connection}`,
    timeout,
  });
  const line = (name: string, limit: OrgLimitsRead['batches']): void => {
    if (limit !== undefined)
      say(`  ${name.padEnd(9)} ${count(limit.remaining)} of ${count(limit.max)} left, according to Salesforce`);
  };
  line('Batches', org.batches);
  line('API', org.apiRequests);
  if (org.batches === undefined && org.apiRequests === undefined) say('  Salesforce does not report its limits.');
  return org;
}

/** `nightload limits`: the rolling window of each org that loads share, as its ledger has it. */
import { randomUUID } from 'node:crypto';
import type { Client } from '@temporalio/client';
import type { OrgLimitsRead } from '../../activities/allocation-limits.js';
import { DEFAULT_TASK_QUEUE } from '../../contract.js';
import { NightloadError } from '../../errors.js';
import type { OrgSummary } from '../../workflows/allocation/messages.js';
import { bar, freesLine, shareLine } from '../../workflows/allocation/window-words.js';
import { clock, pastClock } from '../../workflows/allocation/forecast.js';
import { count, time } from '../../workflows/words.js';
import { printJson, say } from '../failure.js';
import { unattendedQueue } from '../pollers.js';
import { runOnWorker, timeoutMs } from '../run-on-worker.js';
import { taskQueueFrom, withClient } from '../temporal.js';

export interface LimitsOptions {
  /** Only the org of this connection. */
  connection?: string;
  timeout?: string;
  json?: boolean;
}

/** A query waits for a worker. */
const QUERY_LIMIT_MS = 10_000;
const SAY_AFTER_MS = 5_000;

interface SilentLedger {
  workflowId: string;
  error: NightloadError;
}

/** Exit code 1 when an org's ledger does not answer: what is shown is not all then. */
export async function limits(options: LimitsOptions): Promise<number> {
  const patience = Math.min(QUERY_LIMIT_MS, timeoutMs(options.timeout));
  const { ledgers, silent } = await withClient((client) => runningLedgers(client, options.connection, patience));
  const [first] = silent;
  if (first !== undefined && ledgers.length === 0) throw first.error;
  for (const [index, ledger] of ledgers.entries()) {
    if (index > 0) say('');
    print(ledger);
  }
  if (silent.length > 0) say('');
  for (const { error } of silent) say(`${error.code}: ${error.message}`);
  const org = ledgers.length > 0 ? undefined : await ownAccount(options.connection ?? 'default', options.timeout);
  if (options.json === true) {
    printJson({
      ledgers,
      ...(silent.length > 0 && {
        silent: silent.map(({ workflowId, error: { code, message } }) => ({ workflowId, code, message })),
      }),
      ...(org !== undefined && { org }),
    });
  }
  return silent.length > 0 ? 1 : 0;
}

function ownQueue(): string {
  return taskQueueFrom(process.env, DEFAULT_TASK_QUEUE);
}

async function runningLedgers(
  client: Client,
  connection: string | undefined,
  patience: number,
): Promise<{ ledgers: OrgSummary[]; silent: SilentLedger[] }> {
  const queue = ownQueue();
  const asked: string[] = [];
  const query = "WorkflowType = 'orgAllocation' AND ExecutionStatus = 'Running'";
  for await (const { workflowId, taskQueue } of client.workflow.list({ query })) {
    // One that somebody's ended worker left on another queue says nothing of our orgs.
    if (taskQueue !== queue && (await unattendedQueue(client, taskQueue, undefined)) !== undefined) {
      say(`${workflowId} is left out: no worker polls its task queue "${taskQueue}".`);
      continue;
    }
    asked.push(workflowId);
  }
  const answers = await Promise.all(asked.map((workflowId) => summaryOf(client, workflowId, patience)));
  const ledgers = answers.filter((answer): answer is OrgSummary => !('error' in answer));
  return {
    ledgers: ledgers.filter(({ connections }) => connection === undefined || connections.includes(connection)),
    silent: answers.filter((answer): answer is SilentLedger => 'error' in answer),
  };
}

/** One org's silence must not hide the others. */
async function summaryOf(client: Client, workflowId: string, patience: number): Promise<OrgSummary | SilentLedger> {
  const waiting = setTimeout(() => say(`${workflowId} has not answered yet.`), SAY_AFTER_MS);
  try {
    return await client.withDeadline(Date.now() + patience, () =>
      client.workflow.getHandle(workflowId).query<OrgSummary, [number]>('limits', Date.now()),
    );
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return {
      workflowId,
      error: new NightloadError(
        'LEDGER_NOT_ANSWERING',
        `${workflowId} does not answer within ${time(patience)} (${reason}). ` +
          'Its worker is gone or busy: start `nightload worker`. Loads go on without it after two minutes.',
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
  say('            █ used  ▓ granted to jobs that run  ░ reserved for priority 1 and 2  · free');
  if (batches.others > 0)
    say(
      `  Others    ${count(batches.others)} of the used batches by the org's own account: other clients, or jobs that run`,
    );
  const frees = freesLine(ledger);
  if (frees !== undefined) say(`  Next      ${frees}`);
  if (ledger.refused !== undefined) {
    const { code, until } = ledger.refused;
    say(`  Refused   ${code}: Salesforce took no job, so none is created before ${clock(until, at)}`);
  }
  if (ledger.apiRequests !== undefined) {
    const { remaining, max, at: seenAt } = ledger.apiRequests;
    say(
      `  API       ${count(remaining)} of ${count(max)} requests left, as Salesforce said at ${pastClock(seenAt, at)}`,
    );
  }
  if (ledger.inDoubt > 0) say(`  In doubt  ${ledger.inDoubt} jobs whose workflows are gone; they count as used`);
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

/** Nobody uses anything, so only Salesforce can tell what is left. */
async function ownAccount(connection: string, timeout: string | undefined): Promise<OrgLimitsRead> {
  say(`No load uses the allocation of connection ${connection}: nothing is used, granted or waited for.`);
  const org = await runOnWorker<OrgLimitsRead>('orgLimits', {
    workflowId: `nightload-limits/${randomUUID()}`,
    args: [connection],
    staticSummary: `limits of the org of ${connection}`,
    timeout,
  });
  const line = (name: string, limit: OrgLimitsRead['batches']): void => {
    if (limit !== undefined)
      say(`  ${name.padEnd(9)} ${count(limit.remaining)} of ${count(limit.max)} left, says Salesforce`);
  };
  line('Batches', org.batches);
  line('API', org.apiRequests);
  if (org.batches === undefined && org.apiRequests === undefined) say('  Salesforce does not tell its limits.');
  return org;
}

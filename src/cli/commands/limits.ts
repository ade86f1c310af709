/** `nightload limits`: the rolling window of each org that loads share, according to its ledger. */
import { randomUUID } from 'node:crypto';
import type { OrgLimitsRead } from '../../protocol/activities/allocation-activities.js';
import { orgLimits } from '../../client/answers/worker-answers.js';
import type { OrgSummary } from '../../protocol/messages/allocation-messages.js';
import { bar, freesLine, shareLine } from '../../domain/text/window-details.js';
import { clock, count, pastClock, time } from '../../domain/text/format.js';
import { readLedgers } from '../temporal/org-ledgers.js';
import { printJson, say } from '../shared/output.js';
import { runOnWorker, timeoutMs } from '../temporal/run-on-worker.js';
import { COMMAND_LIMIT_MS, withClient } from '../temporal/connect.js';
import { defined } from '../../domain/defined.js';

export interface LimitsOptions {
  /** Only this connection's org. */
  connection?: string;
  timeout?: string;
  json?: boolean;
}

/** A query waits for a worker. */
const QUERY_LIMIT_MS = 10_000;

/** Exit code 1 when an org's ledger does not answer, or there are more: the output is then incomplete. */
export async function limits(options: LimitsOptions): Promise<number> {
  const queryLimitMs = Math.min(QUERY_LIMIT_MS, timeoutMs(options.timeout));
  const { ledgers, silent, more } = await withClient(
    (client) => readLedgers(client, options.connection, queryLimitMs),
    {
      limitMs: queryLimitMs + COMMAND_LIMIT_MS,
    },
  );
  const [first] = silent;
  if (first !== undefined && ledgers.length === 0) throw first.error;
  for (const [index, ledger] of ledgers.entries()) {
    if (index > 0) say('');
    printLedger(ledger);
  }
  if (silent.length > 0) say('');
  for (const { error } of silent) say(`${error.code}: ${error.message}`);
  // A ledger that is not shown may be the org's.
  const isUnused = ledgers.length === 0 && !more;
  const org = isUnused ? await readOrgLimits(options.connection ?? 'default', options.timeout) : undefined;
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

function printLedger(ledger: OrgSummary): void {
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

/** Without usage by loads, only Salesforce can report what is left. */
async function readOrgLimits(connection: string, timeout: string | undefined): Promise<OrgLimitsRead> {
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

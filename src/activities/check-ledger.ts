/**
 * What a ledger cannot see of those who signal to it: whether the jobs that hold its leases are there, and what this
 * worker's own settings allow. Anybody may send signals, so without it anybody could fill or starve the ledger.
 */
import { getClient } from '@temporalio/activity';
import { WorkflowNotFoundError } from '@temporalio/common';
import { runOfRequest } from '../domain/forms.js';
import type { Allocation } from '../salesforce/connections-allocation.js';
import type { ActivityDependencies } from './dependencies.js';
import { allocationOf, connectionOf } from './dependencies.js';
import { step } from './step.js';

export interface CheckLedgerInput {
  /** Of the newest request. */
  connection: string;
  /** At most 100, each with the time at which it asked. */
  holders: { id: string; holder: string; at: number }[];
}

export interface LedgerChecked {
  /** The org that the connection leads to. */
  org: string;
  rules: Allocation;
  /** Ids of requests that parts of loads have made; of those in neither list nothing is known. */
  known: string[];
  /** Ids of requests that no part of a load has made. */
  gone: string[];
}

const AT_A_TIME = 10;
const RUN_ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export function checkLedger(dependencies: ActivityDependencies): (input: CheckLedgerInput) => Promise<LedgerChecked> {
  return step(async ({ connection, holders }, { call, signal }) => {
    const org = await connectionOf(dependencies, connection).organization(call);
    const checked: LedgerChecked = { org, rules: allocationOf(dependencies, connection), known: [], gone: [] };
    for (let from = 0; from < holders.length; from += AT_A_TIME) {
      signal.throwIfAborted();
      const some = holders.slice(from, from + AT_A_TIME);
      const runs = await Promise.all(some.map(isHolder));
      for (const [n, { id }] of some.entries()) {
        if (runs[n] !== undefined) checked[runs[n] ? 'known' : 'gone'].push(id);
      }
    }
    return checked;
  });
}

/**
 * Whether the part that a request names was there when it asked: one that was terminated since may have a job that
 * runs, so what it was granted still counts. Undefined when it cannot be told.
 */
async function isHolder({ id, holder, at }: CheckLedgerInput['holders'][number]): Promise<boolean | undefined> {
  try {
    // The id begins with the first run of the part.
    const firstRun = runOfRequest(id);
    // Of what is no id of a run the server would say only that it is none.
    if (!RUN_ID.test(firstRun)) return false;
    const { status, type, closeTime } = await getClient().workflow.getHandle(holder, firstRun).describe();
    if (type !== 'ingestJob') return false;
    if (status.name === 'RUNNING' || status.name === 'CONTINUED_AS_NEW' || closeTime === undefined) return true;
    return closeTime.getTime() >= at;
  } catch (error) {
    return error instanceof WorkflowNotFoundError ? false : undefined;
  }
}

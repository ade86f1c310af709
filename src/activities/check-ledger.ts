/**
 * What a ledger cannot see of those who signal to it: whether the jobs that hold its leases are there, and what this
 * worker's own settings allow. Anybody may send signals, so without it anybody could fill or starve the ledger.
 */
import { getClient } from '@temporalio/activity';
import { WorkflowNotFoundError } from '@temporalio/common';
import type { Allocation } from '../salesforce/connections-allocation.js';
import type { ActivityDependencies } from './dependencies.js';
import { allocationOf, connectionOf } from './dependencies.js';
import { step } from './step.js';

export interface CheckLedgerInput {
  /** Of the newest request. */
  connection: string;
  /** At most 100. */
  holders: { id: string; holder: string }[];
}

export interface LedgerChecked {
  /** The org that the connection leads to. */
  org: string;
  rules: Allocation;
  /** Ids of requests whose holders run; of the others nothing is known. */
  known: string[];
  /** Ids of requests that no running part of a load has made. */
  gone: string[];
}

const AT_A_TIME = 10;

export function checkLedger(dependencies: ActivityDependencies): (input: CheckLedgerInput) => Promise<LedgerChecked> {
  return step(async ({ connection, holders }, { call, signal }) => {
    const org = await connectionOf(dependencies, connection).organization(call);
    const checked: LedgerChecked = { org, rules: allocationOf(dependencies, connection), known: [], gone: [] };
    for (let from = 0; from < holders.length; from += AT_A_TIME) {
      signal.throwIfAborted();
      const some = holders.slice(from, from + AT_A_TIME);
      const runs = await Promise.all(some.map(({ id, holder }) => isHolder(id, holder)));
      for (const [n, { id }] of some.entries()) {
        if (runs[n] !== undefined) checked[runs[n] ? 'known' : 'gone'].push(id);
      }
    }
    return checked;
  });
}

/** Undefined when it cannot be told. */
async function isHolder(id: string, holder: string): Promise<boolean | undefined> {
  try {
    const { status, type, raw } = await getClient().workflow.getHandle(holder).describe();
    const firstRun = raw.workflowExecutionInfo?.firstRunId;
    // The id begins with the first run of the part; an older server does not tell it.
    const isOf = !firstRun || id.startsWith(`${firstRun}/`);
    return status.name === 'RUNNING' && type === 'ingestJob' && isOf;
  } catch (error) {
    return error instanceof WorkflowNotFoundError ? false : undefined;
  }
}

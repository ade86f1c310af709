/**
 * Checks what a ledger cannot see of its callers: whether the parts that hold its leases exist, and what this worker's
 * own settings allow. Any client can send signals; without this check it could fill or starve the ledger.
 */
import type { CallContext } from '../../salesforce/http/call-context.js';
import { runOfRequest } from '../../domain/name-and-number-limits.js';
import type { Allocation } from '../../domain/platform/allocation-settings.js';
import type { ActivityDependencies } from '../dependencies.js';
import { allocationOf, connectionOf } from '../dependencies.js';
import { runActivity } from '../run-activity.js';

export interface CheckLedgerInput {
  /** The ledger's org. */
  org: string;
  /** Connections named by requests, the newest last. Some may belong to other workers, or exist nowhere. */
  connections: string[];
  /** At most 100, each with the time of its request. */
  holders: { id: string; holder: string; at: number }[];
}

export interface LedgerChecked {
  /** The newest of the connections that lead to this org. */
  connection?: string;
  /** Its settings. */
  rules?: Allocation;
  /** Ids of requests made by parts of loads. An id in neither list is undecided. */
  known: string[];
  /** Ids of requests that no part of a load has made. */
  gone: string[];
}

const AT_A_TIME = 10;
/** A login must not delay the check of the holders. */
const LOGIN_MS = 10_000;

export function checkLedger(dependencies: ActivityDependencies): (input: CheckLedgerInput) => Promise<LedgerChecked> {
  return runActivity(async ({ org, connections, holders }, { call, signal }) => {
    const connection = await newestOf(dependencies, org, connections, call);
    const found = connection !== undefined && { connection, rules: allocationOf(dependencies, connection) };
    const checked: LedgerChecked = { ...found, known: [], gone: [] };
    for (let from = 0; from < holders.length; from += AT_A_TIME) {
      signal.throwIfAborted();
      const some = holders.slice(from, from + AT_A_TIME);
      const there = await Promise.all(some.map((one) => isHolder(dependencies, one)));
      for (const [n, { id }] of some.entries()) {
        if (there[n] !== undefined) checked[there[n] ? 'known' : 'gone'].push(id);
      }
    }
    return checked;
  });
}

/** A name may be made up, so a failure for one name does not fail the check. */
async function newestOf(
  dependencies: ActivityDependencies,
  org: string,
  names: readonly string[],
  call: CallContext,
): Promise<string | undefined> {
  const signal = AbortSignal.any([AbortSignal.timeout(LOGIN_MS), ...(call.signal ? [call.signal] : [])]);
  for (const name of names.toReversed()) {
    try {
      if ((await connectionOf(dependencies, name).organization({ ...call, signal })) === org) return name;
    } catch {
      // Not configured here, not allowed, or its login is unreachable: another one may work.
    }
  }
  return undefined;
}

/** Undefined when it is unknown at the moment. */
async function isHolder(
  { isPart }: Pick<ActivityDependencies, 'isPart'>,
  { id, holder, at }: CheckLedgerInput['holders'][number],
): Promise<boolean | undefined> {
  try {
    return await isPart?.({ workflowId: holder, runId: runOfRequest(id) }, at);
  } catch {
    return undefined;
  }
}

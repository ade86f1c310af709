/**
 * The sender of a signal is not visible. Every request that holds or waits for a lease, or reported usage, must come
 * from a part of a load, and the settings must come from a worker. A worker checks that soon after something new is
 * reported.
 */
import { ApplicationFailure } from '@temporalio/common';
import { toLoadError } from '../../domain/failures.js';
import { readActivities } from '../support/activity-options.js';
import type { OrgLedger } from './org-ledger.js';
import { readRules } from './parse-messages.js';
import { enterGone, enterKnown, needsCheck, unchecked } from './ledger/unverified-requests.js';

/** A job that ends sooner does no harm, no matter who holds it. */
export const FIRST_CHECK_AFTER_MS = 15_000;
/** Each check costs history. */
const NEXT_CHECK_AFTER_MS = 60_000;
/** When the last check found a holder that does not exist: most of the queue may be like that. */
const NEXT_CHECK_OF_STRANGERS_MS = 5_000;
/** When no worker could check. Holders lose nothing meanwhile. */
const CHECK_AGAIN_AFTER_MS = 300_000;
const REFUSED = 'No load started this ledger: the next part that asks starts another.';

/** Something was reported that has not been checked. */
export function scheduleCheck({ state }: OrgLedger, now: number): void {
  state.checkAt ??= Math.max(now + FIRST_CHECK_AFTER_MS, (state.checkedAt ?? -Infinity) + NEXT_CHECK_AFTER_MS);
}

export function checkIfDue(org: OrgLedger, now: number): void {
  const { ledger, state, live } = org;
  const { checkAt } = state;
  if (checkAt === undefined || live.checking) return;
  if (!org.isInUse && !needsCheck(ledger, now)) delete state.checkAt;
  else if (checkAt <= now) org.runConcurrently(() => check(org));
}

async function check(org: OrgLedger): Promise<void> {
  const { ledger, state, live } = org;
  live.checking = true;
  let next = NEXT_CHECK_AFTER_MS;
  try {
    const isStrange = await checkHolders(org);
    if (isStrange) next = NEXT_CHECK_OF_STRANGERS_MS;
  } catch (error) {
    const { code } = toLoadError(error);
    const isRefused = code === 'CALLER_REFUSED';
    // Once a worker has confirmed this ledger, such an answer is not a worker's; a single one may be anyone's.
    if (isRefused && state.connection === undefined && ++live.refusals > 1) {
      live.startRefused = ApplicationFailure.nonRetryable(REFUSED, code);
    }
    // They keep what they were granted while they report that they are alive.
    next = isRefused ? NEXT_CHECK_OF_STRANGERS_MS : CHECK_AGAIN_AFTER_MS;
  } finally {
    const now = Date.now();
    state.checkedAt = now;
    delete state.checkAt;
    if (needsCheck(ledger, now)) state.checkAt = now + next;
    live.checking = false;
  }
}

/** @returns whether a holder was found not to exist */
async function checkHolders({ org, ledger, state }: OrgLedger): Promise<boolean> {
  const holders = unchecked(ledger, Date.now());
  const input = { org, connections: state.connections.map(({ name }) => name), holders };
  const summary = `check ${holders.length} holders and waiting parts`;
  const found = await readActivities.checkLedger.executeWithOptions({ summary }, [input]);
  const now = Date.now();
  // Temporal lets clients other than workers complete an activity: the ledger could not work with invalid rules.
  const rules = readRules(found.rules);
  if (found.connection !== undefined && rules !== undefined) {
    state.connection = found.connection;
    state.rules = rules;
    ledger.rules = rules;
  }
  const among = (ids: readonly string[]) => holders.filter(({ id }) => ids.includes(id));
  enterGone(ledger, among(found.gone), now);
  enterKnown(ledger, among(found.known), now);
  return found.gone.length > 0;
}

/** Reads the org's own count of what is left, since other clients use it too. It corrects the ledger's own count. */
import type { OrgLimit } from '../../domain/platform/org-limit.js';
import type { OrgLimitsRead } from '../../protocol/activities/allocation-activities.js';
import { readActivities } from '../support/activity-options.js';
import { scheduleCheck } from './check-holders.js';
import { correct } from './ledger/ledger.js';
import type { OrgLedger } from './org-ledger.js';
import { shortenRefusal } from './ledger/refusals.js';

/** A job that ends sooner does not need the org's own figures, which lag by minutes anyway. */
const FIRST_READ_AFTER_MS = 60_000;
/** Each read costs the org one or two API requests. */
const NEXT_READ_AFTER_MS = 900_000;
/** When no job runs, the user may not see the limits, or the org is unreachable. */
const RARE_READ_AFTER_MS = 3_600_000;
/** Share of a limit: an org with this much left does not refuse a job because of it. The figures lag. */
const ROOM_SHARE = 0.1;

/** @param options.soon do not wait for the next regular read */
export function scheduleLimits({ state }: OrgLedger, now: number, { soon }: { soon: boolean }): void {
  state.readLimitsAt = Math.min(
    state.readLimitsAt ?? Infinity,
    now + (soon ? FIRST_READ_AFTER_MS : NEXT_READ_AFTER_MS),
  );
}

export function readLimitsIfDue(org: OrgLedger, now: number): void {
  const { state, live } = org;
  if (!org.isInUse) delete state.readLimitsAt;
  else if (!live.readingLimits && (state.readLimitsAt ?? Infinity) <= now) readLimits(org);
}

function readLimits(org: OrgLedger): void {
  const { connection } = org.state;
  if (connection !== undefined) {
    org.runConcurrently(() => readLimitsOf(org, connection));
    return;
  }
  // Connection names in messages may lead to another org: the next check finds one that leads to this org.
  org.state.readLimitsAt = Date.now() + NEXT_READ_AFTER_MS;
  scheduleCheck(org, Date.now());
}

async function readLimitsOf(org: OrgLedger, connection: string): Promise<void> {
  const { ledger, state, live } = org;
  live.readingLimits = true;
  let next = RARE_READ_AFTER_MS;
  try {
    const { value } = await readActivities.readOrgLimits.executeWithOptions({ summary: `limits of ${connection}` }, [
      { connection },
    ]);
    enterLimits(org, value);
    // Batches of running jobs may be taken for those of others: that is corrected soon.
    if (ledger.leases.length > 0 || (ledger.others?.batches ?? 0) > 0) next = NEXT_READ_AFTER_MS;
  } catch {
    // The ledger's own count continues; the activity shows why.
  } finally {
    state.readLimitsAt = Date.now() + next;
    live.readingLimits = false;
  }
}

function isFigure({ max, remaining }: OrgLimit): boolean {
  return Number.isFinite(max) && Number.isFinite(remaining) && max > 0 && remaining >= -max;
}

function enterLimits({ ledger, state }: OrgLedger, { batches, apiRequests }: OrgLimitsRead): void {
  const now = Date.now();
  // Another client may have completed the activity.
  if (![batches, apiRequests].every((one) => one === undefined || isFigure(one))) return;
  if (batches !== undefined) correct(ledger, now, { batchesMax: batches.max, batchesRemaining: batches.remaining });
  if (apiRequests !== undefined) state.apiRequests = { ...apiRequests, at: now };
  const shown = [batches, apiRequests].filter((one) => one !== undefined);
  if (batches !== undefined && shown.every(({ max, remaining }) => remaining >= max * ROOM_SHARE)) {
    shortenRefusal(ledger);
  }
}

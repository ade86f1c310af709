/** The ledger's timer: wakes it for its next step if no message arrives first. */
import { CancellationScope, sleep } from '@temporalio/workflow';
import { nextChangeAt } from './ledger/forecast.js';
import type { OrgLedger } from './org-ledger.js';

/** An alarm that fires early does no harm, so a later wake-up starts no new timer and messages cost no timers. */
export function setAlarm(org: OrgLedger, now: number): void {
  const { ledger, state, live } = org;
  const readLimitsAt = live.readingLimits ? Infinity : (state.readLimitsAt ?? Infinity);
  const checkAt = live.checking ? Infinity : (state.checkAt ?? Infinity);
  const at = Math.min(nextChangeAt(ledger, now) ?? Infinity, readLimitsAt, checkAt);
  if (at === Infinity || (live.alarm !== undefined && live.alarm.at <= at)) return;
  live.alarm?.scope.cancel();
  const scope = new CancellationScope();
  const alarm = { at, scope };
  live.alarm = alarm;
  void scope
    .run(() => sleep(Math.max(1, at - now), { summary: 'until the window advances or a holder counts as gone' }))
    .then(
      () => {
        if (live.alarm === alarm) delete live.alarm;
        live.changes++;
      },
      // Replaced by an earlier one; the main wait sees a cancellation of the workflow.
      () => undefined,
    );
}

/**
 * Grants waiting requests as soon as they fit. `grant` in `ledger/ledger.ts` decides what fits; this file notifies the
 * parts that waited.
 */
import { defined } from '../../domain/defined.js';
import { getExternalWorkflowHandle, isCancellation } from '@temporalio/workflow';
import { grantedSignal } from '../../protocol/messages/allocation-messages.js';
import { inTheClear } from '../../protocol/messages/unencrypted.js';
import { giveBack, grant, sweep } from './ledger/ledger.js';
import type { Lease } from './ledger/ledger-state.js';
import type { OrgLedger } from './org-ledger.js';

/** Frees what silent holders held, and grants what may start now. */
export function grantWhatFits(org: OrgLedger, now: number): void {
  const { ledger, live } = org;
  sweep(ledger, now);
  for (const lease of grant(ledger, now)) {
    // A request that was just made reads the answer itself.
    if (!live.justRequested.has(lease.id)) org.runConcurrently(() => signalGrant(org, lease));
  }
}

/** Notifies a holder that had to wait. One that is gone does not need it. */
async function signalGrant({ ledger }: OrgLedger, { id, holder, warning }: Lease): Promise<void> {
  try {
    // The holder's worker may have different keys.
    const granted = inTheClear({ id, ...defined({ warning }) });
    await getExternalWorkflowHandle(holder).signal(grantedSignal, granted);
  } catch (error) {
    if (!isCancellation(error)) giveBack(ledger, id, Date.now());
  }
}

/**
 * One per org: decides which parts may start a job now, so that loads share the org's rolling limits. It wakes for
 * messages and when usage leaves the window, grants what fits, and ends when it has nothing left to remember.
 */
import { ApplicationFailure } from '@temporalio/common';
import { condition, setHandler, workflowInfo } from '@temporalio/workflow';
import { isObject } from '../../domain/input/fields.js';
import {
  ALLOCATION_ID_PREFIX,
  giveBackSignal,
  learnSignal,
  limitsQuery,
  renewSignal,
  requestSignal,
  settleSignal,
  requestStatusQuery,
} from '../../protocol/messages/allocation-messages.js';
import { trustedState } from '../support/carried-state.js';
import { signalHandler } from '../incoming/parse-messages.js';
import { setAlarm } from './alarm.js';
import { checkIfDue, FIRST_CHECK_AFTER_MS, scheduleCheck } from './check-holders.js';
import { enterRequest } from './enter-request.js';
import { isEmpty } from './ledger/forecast.js';
import { grantWhatFits } from './grants.js';
import { giveBack, renew } from './ledger/ledger.js';
import { openLedger } from './ledger/ledger-state.js';
import { OrgLedger } from './org-ledger.js';
import type { OrgAllocationInput, OrgLedgerState } from './org-ledger.js';
import { readLesson, readRenewal, readRequest, readReturn, readRules, readSettlement } from './parse-messages.js';
import { readLimitsIfDue, scheduleLimits } from './read-limits.js';
import { learnUnverified, needsCheck, settleUnverified } from './ledger/unverified-requests.js';

/** Beyond this it continues as new even while requests arrive. */
const MAX_EVENTS = 20_000;

export async function orgAllocation(given: OrgAllocationInput): Promise<void> {
  const org = openOrgLedger(given);
  const { ledger, live } = org;
  handleMessages(org);
  for (;;) {
    const seen = live.changes;
    const now = Date.now();
    if (live.startRefused !== undefined) throw live.startRefused;
    grantWhatFits(org, now);
    const isQuiet = live.justRequested.size === 0;
    live.justRequested.clear();
    readLimitsIfDue(org, now);
    checkIfDue(org, now);
    org.showDetails(now);
    if (live.inFlight === 0) {
      if (isEmpty(ledger, now)) return;
      // A request that was just made reads the answer right away, from this run.
      const { continueAsNewSuggested, historyLength } = workflowInfo();
      if (continueAsNewSuggested && (isQuiet || historyLength > MAX_EVENTS)) await org.continueAsNew();
    }
    setAlarm(org, now);
    await condition(() => live.changes !== seen);
  }
}

/** The input is untrusted: anyone may have started it. */
function openOrgLedger(given: unknown): OrgLedger {
  const { org, rules, carried } = (isObject(given) ? given : {}) as Record<string, unknown>;
  const found = readRules(rules);
  if (typeof org !== 'string' || workflowInfo().workflowId !== ALLOCATION_ID_PREFIX + org || found === undefined) {
    throw ApplicationFailure.nonRetryable(
      'orgAllocation is started only by the parts of loads, for the org in its workflow id.',
      'INVALID_INPUT',
    );
  }
  const before = trustedState(carried as OrgLedgerState | undefined);
  if (before === undefined) return new OrgLedger(org, { ledger: openLedger(found), connections: [] });
  // A check finds out who created this state.
  before.checkAt = Date.now() + FIRST_CHECK_AFTER_MS;
  return new OrgLedger(org, before);
}

function handleMessages(org: OrgLedger): void {
  const { ledger, live } = org;
  const on = <T>(name: string, read: (message: unknown) => T | undefined, handle: (message: T, now: number) => void) =>
    signalHandler(name, read, (message: T): void => {
      const now = Date.now();
      handle(message, now);
      if (needsCheck(ledger, now)) scheduleCheck(org, now);
      live.changes++;
    });
  setHandler(
    requestSignal,
    on('request', readRequest, (message, now) => enterRequest(org, message, now)),
    { description: 'Sent for a part of a load that wants to create a job.' },
  );
  setHandler(
    renewSignal,
    on('renew', readRenewal, ({ id, processed }, now) => void renew(ledger, id, now, { processed })),
    { description: 'Sent by a part: its job is still running.' },
  );
  setHandler(
    settleSignal,
    on('settle', readSettlement, (used, now) => settleUnverified(ledger, used, now)),
    { description: 'Sent by a part: its job has ended; what it used.' },
  );
  setHandler(
    giveBackSignal,
    on('giveBack', readReturn, ({ id }, now) => giveBack(ledger, id, now)),
    { description: 'Sent by a part: it used nothing.' },
  );
  setHandler(
    learnSignal,
    on('learn', readLesson, (lesson, now) => {
      const isBelieved = learnUnverified(ledger, lesson, { now, jitter: Math.random() });
      // If the report is not believed, the org's own figures decide.
      scheduleLimits(org, now, { soon: isBelieved });
    }),
    { description: 'Sent by a part: Salesforce refused a job because of a limit.' },
  );
  setHandler(requestStatusQuery, (ids) => org.requestStatus(ids), { description: 'Status of requests.' });
  setHandler(limitsQuery, (now = 0) => org.summary(Math.max(Number(now) || 0, Date.now())), {
    description: 'The window: used, granted, reserved, free; running jobs, waiting parts and why they wait.',
  });
}

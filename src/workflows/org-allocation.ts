/**
 * One per org: who may start a job now, so that loads share the org's rolling limits. It wakes for messages and when
 * something leaves the window, grants what fits, and ends when it has nothing left to remember.
 */
import { ApplicationFailure } from '@temporalio/common';
import {
  CancellationScope,
  continueAsNew,
  condition,
  getExternalWorkflowHandle,
  isCancellation,
  setCurrentDetails,
  setHandler,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import type { OrgLimitsRead } from '../activities/allocation-limits.js';
import type { Allocation } from '../salesforce/connections-allocation.js';
import { forecasts, isEmpty, nextChangeAt } from './allocation/forecast.js';
import { inTheClear } from './allocation/in-the-clear.js';
import { correct, giveBack, grant, learnExceeded, renew, request, settle, sweep } from './allocation/ledger.js';
import {
  ALLOCATION_ID_PREFIX,
  giveBackSignal,
  grantedSignal,
  learnSignal,
  limitsQuery,
  renewSignal,
  requestSignal,
  settleSignal,
  standingsQuery,
} from './allocation/messages.js';
import type { Answer, OrgSummary } from './allocation/messages.js';
import { readLesson, readRenewal, readRequest, readReturn, readRules, readSettlement } from './allocation/received.js';
import { openLedger } from './allocation/state.js';
import type { Lease, Ledger } from './allocation/state.js';
import { believed, enterChecked, isGranted, sameRules, unchecked } from './allocation/strangers.js';
import { summary } from './allocation/summary.js';
import { windowDetails } from './allocation/window-words.js';
import { toLoadError } from './failures.js';
import { connectionName, isObject } from './input-fields.js';
import { handedOn, handOn } from './origin.js';
import { heard } from './received.js';
import { reading } from './steps.js';

/** A job that ends sooner needs no look at the org's own figures, which lag behind by minutes anyway. */
const FIRST_LOOK_AFTER_MS = 60_000;
/** Each look costs the org one API request. */
const NEXT_LOOK_AFTER_MS = 900_000;
/** When no job runs, or the user may not see the limits, or the org is out of reach. */
const RARE_LOOK_AFTER_MS = 3_600_000;
/** A job that ends sooner does no harm, whoever holds it. */
const FIRST_CHECK_AFTER_MS = 15_000;
/** Each check costs history. */
const NEXT_CHECK_AFTER_MS = 60_000;
/** More requests wait in no queue: who comes then goes on without the ledger. */
const MAX_WAITING = 5_000;
const MAX_CONNECTIONS = 20;
/** Ids that a query asks about at a time. */
const MAX_ASKED = 1_000;
const REFUSED = 'This is no ledger that a load began: another one is begun when the next part asks.';
/** Then it continues as new even if somebody asks just now. */
const MOST_EVENTS = 20_000;

export interface OrgAllocationInput {
  /** What the workflow id names: an org's id, or its host. */
  org: string;
  rules: Allocation;
  carried?: Book;
}

/** What goes on over a continue-as-new. */
interface Book {
  ledger: Ledger;
  /** Name and API version of each connection that asked, the newest last. */
  connections: { name: string; apiVersion: string }[];
  lookAt?: number;
  /** When holders are checked, and settings read. */
  checkAt?: number;
  checkedAt?: number;
  /** Settings as a worker told them: those of messages count only before. */
  rules?: Allocation;
  apiRequests?: OrgSummary['apiRequests'];
}

/** What lives as long as the run. */
interface Live {
  /** Counts whatever may allow another step. */
  changes: number;
  /** Asked since the last step: their activities read the answer themselves. */
  fresh: Set<string>;
  /** Signals and looks on their way. */
  open: number;
  looking: boolean;
  checking: boolean;
  /** No worker does steps for this run: it did not come to be as a ledger does. */
  refused?: Error;
  alarm?: { at: number; scope: CancellationScope };
}

export async function orgAllocation(given: OrgAllocationInput): Promise<void> {
  const { org, rules, carried } = readStart(given);
  const book: Book = carried ?? { ledger: openLedger(rules), connections: [] };
  // Whoever made this state, a step finds out.
  if (carried !== undefined) book.checkAt = Date.now() + FIRST_CHECK_AFTER_MS;
  const live: Live = { changes: 0, fresh: new Set(), open: 0, looking: false, checking: false };
  listen(org, book, live);
  for (;;) {
    const seen = live.changes;
    const now = Date.now();
    if (live.refused !== undefined) throw live.refused;
    sweep(book.ledger, now);
    for (const lease of grant(book.ledger, now)) if (!live.fresh.has(lease.id)) void tell(book, live, lease);
    const asked = live.fresh.size > 0;
    live.fresh.clear();
    lookWhenDue(book, live, now);
    checkWhenDue(org, book, live, now);
    setCurrentDetails(windowDetails(summaryOf(org, book, now, MOST_SHOWN)));
    if (live.open === 0) {
      if (isEmpty(book.ledger, now)) return;
      // Who has just asked reads the answer right away: from this run.
      const { continueAsNewSuggested, historyLength } = workflowInfo();
      if (continueAsNewSuggested && (!asked || historyLength > MOST_EVENTS)) {
        await continueAsNew<typeof orgAllocation>({ org, rules: book.ledger.rules, carried: handOn(book) });
      }
    }
    setAlarm(book, live, now);
    await condition(() => live.changes !== seen);
  }
}

/** Anybody may have started it. */
function readStart(given: unknown): OrgAllocationInput {
  const { org, rules, carried } = (isObject(given) ? given : {}) as Record<string, unknown>;
  const found = readRules(rules);
  if (typeof org !== 'string' || workflowInfo().workflowId !== ALLOCATION_ID_PREFIX + org || found === undefined) {
    throw ApplicationFailure.nonRetryable(
      'orgAllocation is started by the parts of loads, for the org that its workflow id names.',
      'INVALID_INPUT',
    );
  }
  const before = handedOn(carried as Book | undefined);
  return { org, rules: found, ...(before && { carried: before }) };
}

/** More would make each step of a long queue slow. */
const MOST_SHOWN = 10;

function listen(org: string, book: Book, live: Live): void {
  const { ledger } = book;
  const on = <T>(name: string, read: (message: unknown) => T | undefined, handle: (message: T, now: number) => void) =>
    heard(name, read, (message: T): void => {
      handle(message, Date.now());
      live.changes++;
    });
  setHandler(
    requestSignal,
    on('request', readRequest, (message, now) => enterRequest(book, live, message, now)),
    { description: 'Sent for a part of a load: it wants to create a job.' },
  );
  setHandler(
    renewSignal,
    on('renew', readRenewal, ({ id, processed }, now) => void renew(ledger, id, now, processed)),
    { description: 'Sent by a part: its job lives.' },
  );
  setHandler(
    settleSignal,
    on('settle', readSettlement, ({ id, ...real }, now) => settle(ledger, id, believed(ledger, id, real, now), now)),
    { description: 'Sent by a part: its job has ended and used so much.' },
  );
  setHandler(
    giveBackSignal,
    on('giveBack', readReturn, ({ id }, now) => giveBack(ledger, id, now)),
    { description: 'Sent by a part: it used nothing.' },
  );
  setHandler(
    learnSignal,
    on('learn', readLesson, ({ code, id }, now) => {
      // Only a job that was granted can have met it; of any other the org's own figures tell.
      if (isGranted(ledger, id)) learnExceeded(ledger, now, code, Math.random());
      book.lookAt = Math.min(book.lookAt ?? Infinity, now + FIRST_LOOK_AFTER_MS);
    }),
    { description: 'Sent by a part: Salesforce refused a job because of a limit.' },
  );
  const standings = (ids: string[]): Answer[] => ids.slice(0, MAX_ASKED).map((id) => answer(ledger, id, Date.now()));
  setHandler(standingsQuery, standings, { description: 'How requests stand.' });
  setHandler(limitsQuery, (now = 0) => summaryOf(org, book, Math.max(Number(now) || 0, Date.now())), {
    description: 'The window: used, granted, reserved, free; who runs, who waits and why.',
  });
}

function enterRequest(
  book: Book,
  live: Live,
  { asked, connection, apiVersion, rules }: NonNullable<ReturnType<typeof readRequest>>,
  now: number,
): void {
  const { ledger } = book;
  if (ledger.waiting.length >= MAX_WAITING) return;
  ledger.rules = book.rules ?? rules;
  const others = book.connections.filter(({ name }) => name !== connection);
  book.connections = [...others, { name: connection, apiVersion }].slice(-MAX_CONNECTIONS);
  book.lookAt ??= now + FIRST_LOOK_AFTER_MS;
  request(ledger, asked, now);
  if (unchecked(ledger, now).length > 0 || !sameRules(rules, ledger.rules)) {
    book.checkAt ??= Math.max(now + FIRST_CHECK_AFTER_MS, (book.checkedAt ?? -Infinity) + NEXT_CHECK_AFTER_MS);
  }
  live.fresh.add(asked.id);
}

function summaryOf(org: string, book: Book, now: number, most?: number): OrgSummary {
  const { ledger, connections, apiRequests } = book;
  return {
    ...summary(ledger, now, most),
    org,
    connections: connections.map(({ name }) => name),
    ...(apiRequests !== undefined && { apiRequests }),
  };
}

function answer(ledger: Ledger, id: string, now: number): Answer {
  const lease = ledger.leases.find((one) => one.id === id);
  if (lease !== undefined) {
    return { standing: 'granted', ...(lease.warning !== undefined && { warning: lease.warning }) };
  }
  const place = ledger.waiting.findIndex((one) => one.id === id);
  if (place < 0) return { standing: ledger.ended.some((one) => one.id === id) ? 'ended' : 'unknown' };
  const forecast = forecasts(ledger, now, Math.min(place + 1, MOST_FORECAST))[place];
  return {
    standing: 'waiting',
    reason: forecast?.reason ?? `behind ${place} parts`,
    ...(forecast?.at !== undefined && { at: forecast.at }),
  };
}

/** Further back in the queue nobody can say when. */
const MOST_FORECAST = 100;

/** To a holder that had to wait. One that is gone needs nothing any more. */
async function tell(book: Book, live: Live, { id, holder, warning }: Lease): Promise<void> {
  live.open++;
  try {
    // The holder's worker may have other keys than this one.
    const grant = inTheClear({ id, ...(warning !== undefined && { warning }) });
    await getExternalWorkflowHandle(holder).signal(grantedSignal, grant);
  } catch (error) {
    if (!isCancellation(error)) giveBack(book.ledger, id, Date.now());
  } finally {
    live.open--;
    live.changes++;
  }
}

const inUse = ({ leases, waiting }: Ledger): boolean => leases.length + waiting.length > 0;

function lookWhenDue(book: Book, live: Live, now: number): void {
  if (!inUse(book.ledger)) delete book.lookAt;
  else if (!live.looking && (book.lookAt ?? Infinity) <= now) void look(book, live);
}

function checkWhenDue(org: string, book: Book, live: Live, now: number): void {
  if (!inUse(book.ledger)) delete book.checkAt;
  else if (!live.checking && (book.checkAt ?? Infinity) <= now) void check(org, book, live);
}

/** Who sends a signal is not seen: whoever holds or waits must be there, and the settings must be a worker's own. */
async function check(org: string, book: Book, live: Live): Promise<void> {
  const connection = book.connections.at(-1);
  if (connection === undefined) return;
  const { ledger } = book;
  const { name } = connection;
  const holders = unchecked(ledger, Date.now()).map((one) => ({
    id: one.id,
    holder: one.holder,
    at: 'grantedAt' in one ? one.grantedAt : one.since,
  }));
  live.open++;
  live.checking = true;
  try {
    const found = await reading.checkLedger.executeWithOptions({ summary: `who holds and waits: ${holders.length}` }, [
      { connection: name, holders },
    ]);
    const now = Date.now();
    if (found.org === org) {
      book.rules = found.rules;
      ledger.rules = found.rules;
    } else book.connections = book.connections.filter((one) => one.name !== name);
    for (const id of found.gone) giveBack(ledger, id, now);
    enterChecked(ledger, found.known, now);
  } catch (error) {
    const { code } = toLoadError(error);
    if (code === 'CALLER_REFUSED') live.refused = ApplicationFailure.nonRetryable(REFUSED, code);
    // They keep what they were granted, as long as they say that they live.
    enterChecked(
      ledger,
      holders.map(({ id }) => id),
      Date.now(),
    );
  } finally {
    const now = Date.now();
    book.checkedAt = now;
    delete book.checkAt;
    if (unchecked(ledger, now).length > 0) book.checkAt = now + NEXT_CHECK_AFTER_MS;
    live.checking = false;
    live.open--;
    live.changes++;
  }
}

/** Others use the org too: its own account of what is left corrects the ledger. */
async function look(book: Book, live: Live): Promise<void> {
  const connection = book.connections.at(-1);
  if (connection === undefined) return;
  live.open++;
  live.looking = true;
  let next = RARE_LOOK_AFTER_MS;
  try {
    const { name, apiVersion } = connection;
    const { value } = await reading.readOrgLimits.executeWithOptions({ summary: `limits of ${name}` }, [
      { connection: name, apiVersion },
    ]);
    enterLimits(book, value);
    // Batches of running jobs may look like those of others: that is corrected soon.
    const { leases, others } = book.ledger;
    if (leases.length > 0 || (others?.batches ?? 0) > 0) next = NEXT_LOOK_AFTER_MS;
  } catch {
    // The ledger's own count goes on; the activity shows why.
  } finally {
    book.lookAt = Date.now() + next;
    live.looking = false;
    live.open--;
    live.changes++;
  }
}

function enterLimits(book: Book, { batches, apiRequests }: OrgLimitsRead): void {
  const now = Date.now();
  if (batches !== undefined) {
    correct(book.ledger, now, { batchesMax: batches.max, batchesRemaining: batches.remaining });
  }
  if (apiRequests !== undefined) book.apiRequests = { ...apiRequests, at: now };
}

/** One that rings too early does no harm: so a later wish starts no new timer, and messages cost no timers. */
function setAlarm(book: Book, live: Live, now: number): void {
  const lookAt = live.looking ? Infinity : (book.lookAt ?? Infinity);
  const checkAt = live.checking ? Infinity : (book.checkAt ?? Infinity);
  const at = Math.min(nextChangeAt(book.ledger, now) ?? Infinity, lookAt, checkAt);
  if (at === Infinity || (live.alarm !== undefined && live.alarm.at <= at)) return;
  live.alarm?.scope.cancel();
  const scope = new CancellationScope();
  const alarm = { at, scope };
  live.alarm = alarm;
  void scope
    .run(() => sleep(Math.max(1, at - now), { summary: 'until the window moves or somebody counts as gone' }))
    .then(
      () => {
        if (live.alarm === alarm) delete live.alarm;
        live.changes++;
      },
      // Replaced by an earlier one; a cancel of the workflow is seen by its main wait.
      () => undefined,
    );
}

/** The org's own account, where no ledger runs. */
export async function orgLimits(given?: string): Promise<OrgLimitsRead> {
  const connection = nameOf(given);
  const { value } = await reading.readOrgLimits.executeWithOptions({ summary: `limits of ${connection}` }, [
    { connection },
  ]);
  return value;
}

function nameOf(given: unknown): string {
  try {
    return connectionName(given ?? undefined);
  } catch (error) {
    const { code, message } = toLoadError(error);
    throw ApplicationFailure.nonRetryable(message, code);
  }
}

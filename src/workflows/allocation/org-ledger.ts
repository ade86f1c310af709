/** The ledger's workflow as an object: the org, the state carried over, and what lives as long as the run. */
import { defined } from '../../domain/defined.js';
import { continueAsNew, setCurrentDetails } from '@temporalio/workflow';
import type { CancellationScope } from '@temporalio/workflow';
import type { Allocation } from '../../domain/platform/allocation-settings.js';
import { windowDetails } from '../../domain/text/window-details.js';
import type { AllocationStart, Answer, OrgSummary } from '../../protocol/messages/allocation-messages.js';
import { carryOver } from '../support/carried-state.js';
import { forecasts } from './ledger/forecast.js';
import type { Ledger } from './ledger/ledger-state.js';
import { summary } from './ledger/summary.js';

/** More would slow down each step of a long queue. */
const MAX_SHOWN = 10;
/** Further back in the queue, waits cannot be forecast. */
const MAX_FORECAST = 100;
/** Ids per query. */
const MAX_ASKED = 1_000;

/** State carried over a continue-as-new. */
export interface OrgLedgerState {
  ledger: Ledger;
  /** Connections that asked, newest last. */
  connections: { name: string }[];
  /** When to read the org's own figures. */
  readLimitsAt?: number;
  /** When to check holders and read settings. */
  checkAt?: number;
  checkedAt?: number;
  /** Settings as reported by a worker; until then those from messages apply. */
  rules?: Allocation;
  /** The connection they belong to: a worker has confirmed that it leads to this org. */
  connection?: string;
  apiRequests?: OrgSummary['apiRequests'];
}

/** What lives as long as the run. */
interface LiveLedger {
  /** Counts every change that may allow another step. */
  changes: number;
  /** Requests since the last step: their activities read the answer themselves. */
  readonly justRequested: Set<string>;
  /** Signals and activities in flight. */
  inFlight: number;
  readingLimits: boolean;
  checking: boolean;
  /** How often a worker refused to check this ledger. */
  refusals: number;
  /** No worker runs activities for this run: it was not started the way a ledger is. */
  startRefused?: Error;
  alarm?: { at: number; scope: CancellationScope };
}

export interface OrgAllocationInput extends AllocationStart {
  carried?: OrgLedgerState;
}

export class OrgLedger {
  readonly org: string;
  readonly state: OrgLedgerState;
  readonly live: LiveLedger = {
    changes: 0,
    justRequested: new Set(),
    inFlight: 0,
    readingLimits: false,
    checking: false,
    refusals: 0,
  };

  constructor(org: string, state: OrgLedgerState) {
    this.org = org;
    this.state = state;
  }

  get ledger(): Ledger {
    return this.state.ledger;
  }

  /** A part holds a lease or waits for one. */
  get isInUse(): boolean {
    return this.ledger.leases.length + this.ledger.waiting.length > 0;
  }

  /** Runs something that sees to its own failures, concurrently with the main loop, which then takes its next step. */
  runConcurrently(work: () => Promise<void>): void {
    const end = (): void => {
      this.live.inFlight--;
      this.live.changes++;
    };
    this.live.inFlight++;
    work().then(end, end);
  }

  summary(now: number, most?: number): OrgSummary {
    const { ledger, connections, apiRequests } = this.state;
    return {
      ...summary(ledger, now, most),
      org: this.org,
      connections: connections.map(({ name }) => name),
      ...defined({ apiRequests }),
    };
  }

  /** Updates the ledger's details page. */
  showDetails(now: number): void {
    setCurrentDetails(windowDetails(this.summary(now, MAX_SHOWN)));
  }

  /** The status of requests, for the parts that ask. */
  requestStatus(ids: string[]): Answer[] {
    return ids.slice(0, MAX_ASKED).map((id) => this.#statusOf(id, Date.now()));
  }

  #statusOf(id: string, now: number): Answer {
    const { ledger } = this;
    const lease = ledger.leases.find((one) => one.id === id);
    if (lease !== undefined) {
      return { status: 'granted', ...defined({ warning: lease.warning }) };
    }
    const place = ledger.waiting.findIndex((one) => one.id === id);
    if (place < 0) return { status: ledger.ended.some((one) => one.id === id) ? 'ended' : 'unknown' };
    const forecast = forecasts(ledger, now, Math.min(place + 1, MAX_FORECAST))[place];
    return {
      status: 'waiting',
      reason: forecast?.reason ?? `behind ${place} parts`,
      ...defined({ at: forecast?.at }),
    };
  }

  async continueAsNew(): Promise<never> {
    const { org, ledger, state } = this;
    return continueAsNew<(input: OrgAllocationInput) => Promise<void>>({
      org,
      rules: ledger.rules,
      carried: carryOver(state),
    });
  }
}

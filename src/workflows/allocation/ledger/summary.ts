/** The ledger as shown to people: `nightload limits` and the workflow's details page. Plain JSON. */
import { defined } from '../../../domain/defined.js';
import { forecasts } from './forecast.js';
import type { Ledger } from './ledger-state.js';
import type { Amount, LedgerSummary, Shares } from '../../../protocol/messages/allocation-types.js';
import { held, limits, reserve, sum } from './rolling-window.js';

const MAX_LISTED = 100;

export function summary(ledger: Ledger, now: number, most = MAX_LISTED): LedgerSummary {
  const taken = held(ledger, now);
  const others = taken.find((one) => one.others)?.batches ?? 0;
  const refused = ledger.refused !== undefined && ledger.refused.until > now ? ledger.refused : undefined;
  return {
    at: now,
    windowMs: ledger.rules.windowMs,
    records: shares(ledger, 'records', sum(taken)),
    batches: { ...shares(ledger, 'batches', sum(taken)), others },
    frees: timeline(taken),
    maxJobs: ledger.rules.maxJobs,
    jobsTotal: ledger.leases.length,
    jobs: ledger.leases.slice(0, most).map(({ id, holder, words, priority, records, batches, grantedAt, warning }) => ({
      ...{ id, holder, words, priority, records, batches, since: grantedAt },
      ...defined({ warning }),
    })),
    waiting: waitingList(ledger, now, most),
    waitingTotal: ledger.waiting.length,
    silentJobs: ledger.silent.length,
    ...(refused !== undefined && { refused: { code: refused.code, until: refused.until } }),
  };
}

function shares(ledger: Ledger, kind: keyof Amount, used: Amount): Shares {
  const limit = limits(ledger)[kind];
  const granted = sum(ledger.leases)[kind];
  const left = Math.max(0, limit - used[kind] - granted);
  const reserved = Math.min(left, reserve(ledger)[kind]);
  return { limit, used: used[kind], granted, reserved, free: left - reserved };
}

function timeline(taken: ReturnType<typeof held>): LedgerSummary['frees'] {
  const moments = new Map<number, Amount & { at: number }>();
  for (const { until, records, batches } of taken) {
    const before = moments.get(until) ?? { at: until, records: 0, batches: 0 };
    moments.set(until, { at: until, records: before.records + records, batches: before.batches + batches });
  }
  return [...moments.values()].filter(({ records, batches }) => records > 0 || batches > 0);
}

function waitingList(ledger: Ledger, now: number, most: number): LedgerSummary['waiting'] {
  return forecasts(ledger, now, most).flatMap((forecast, place) => {
    const waiting = ledger.waiting[place];
    if (waiting === undefined) return [];
    const { holder, words, priority, records, batches, since } = waiting;
    return [{ ...forecast, holder, words, priority, records, batches, since }];
  });
}

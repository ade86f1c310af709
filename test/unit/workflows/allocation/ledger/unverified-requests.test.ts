/**
 * An attacker who may signal the ledger, and whom it cannot identify, tries to take the window, the place in line and
 * the time of others.
 */
import { describe, expect, it } from 'vitest';
import { DEFAULT_ALLOCATION } from '../../../../../src/domain/platform/allocation-settings.js';
import type { Allocation } from '../../../../../src/domain/platform/allocation-settings.js';
import { giveBack, grant, renew, request } from '../../../../../src/workflows/allocation/ledger/ledger.js';
import type { Request } from '../../../../../src/protocol/messages/allocation-types.js';
import { readRequest, readSettlement } from '../../../../../src/workflows/allocation/parse-messages.js';
import { batchesFor } from '../../../../../src/domain/platform/batches.js';
import { openLedger } from '../../../../../src/workflows/allocation/ledger/ledger-state.js';
import type { Ledger } from '../../../../../src/workflows/allocation/ledger/ledger-state.js';
import {
  enterGone,
  enterKnown,
  learnUnverified,
  needsCheck,
  settleUnverified,
  unchecked,
} from '../../../../../src/workflows/allocation/ledger/unverified-requests.js';
import { shortenRefusal } from '../../../../../src/workflows/allocation/ledger/refusals.js';
import { summary } from '../../../../../src/workflows/allocation/ledger/summary.js';

const MINUTE = 60_000;
const NOW = Date.UTC(2026, 10, 25, 1);

const holderOf = (id: string): string => `load/${id.split('/')[0]}`;
function ask(id: string, more: Partial<Request> = {}): Request {
  const records = more.records ?? 10;
  return { id, holder: holderOf(id), words: id, priority: 3, records, batches: batchesFor(records), ...more };
}
function ledgerOf(rules: Partial<Allocation> = {}): Ledger {
  return openLedger({ ...DEFAULT_ALLOCATION, recordsPerWindow: 1_000_000, ...rules });
}
const granted = (ledger: Ledger, now = NOW): string[] => grant(ledger, now).map(({ id }) => id);
const named = (...ids: string[]) => ids.map((id) => ({ id, holder: holderOf(id) }));
const line = ({ waiting }: Ledger): string[] => waiting.map(({ id }) => id);
const used = (ledger: Ledger, now = NOW): number => summary(ledger, now).records.used;

describe('requests', () => {
  it("5,000 in the name of one part take one place, with the part's own amount", () => {
    const ledger = ledgerOf({ maxJobs: 1 });
    request(ledger, ask('runs/1'), NOW);
    expect(granted(ledger)).toEqual(['runs/1']);
    request(ledger, ask('real/1'), NOW);
    for (let n = 2; n <= 5_000; n++) request(ledger, ask(`real/${n}`, { records: 900_000, priority: 1 }), NOW + n);
    expect(ledger.waiting).toMatchObject([{ id: 'real/5000', records: 10, priority: 3, since: NOW }]);
    // The part repeats its request: the place belongs to it again.
    expect(request(ledger, ask('real/1'), NOW + MINUTE)).toBe('waiting');
    settleUnverified(ledger, { id: 'runs/1', records: 10, batches: 1 }, NOW + MINUTE);
    expect(granted(ledger, NOW + MINUTE)).toEqual(['real/1']);
    for (let n = 2; n <= 100; n++) expect(request(ledger, ask(`real/${n}`), NOW + MINUTE)).toBe('granted');
    expect(ledger.leases).toHaveLength(1);
    expect(ledger.waiting).toEqual([]);
    // Under whatever number it is stored, the part's own message ends it.
    renew(ledger, 'real/1', NOW + 2 * MINUTE, { processed: 5 });
    expect(ledger.leases).toMatchObject([{ id: 'real/100', processed: 5 }]);
    settleUnverified(ledger, { id: 'real/1', records: 10, batches: 1 }, NOW + 2 * MINUTE);
    expect(ledger.leases).toEqual([]);
    expect(used(ledger, NOW + 2 * MINUTE)).toBe(20);
  });

  it('in the name of a part, but with another holder, are ignored', () => {
    const ledger = ledgerOf();
    request(ledger, ask('real/1'), NOW);
    expect(request(ledger, ask('real/2', { holder: 'other' }), NOW)).toBe('unknown');
    expect(line(ledger)).toEqual(['real/1']);
  });

  it('a late message about an earlier job ends nothing of the next job', () => {
    const ledger = ledgerOf();
    request(ledger, ask('real/1'), NOW);
    grant(ledger, NOW);
    giveBack(ledger, 'real/1', NOW);
    request(ledger, ask('real/2'), NOW);
    expect(granted(ledger)).toEqual(['real/2']);
    giveBack(ledger, 'real/1', NOW);
    settleUnverified(ledger, { id: 'real/1', records: 10, batches: 1 }, NOW);
    settleUnverified(ledger, { id: 'real/1', records: 10, batches: 1 }, NOW);
    expect(renew(ledger, 'real/1', NOW)).toBe('ended');
    expect(learnUnverified(ledger, { id: 'real/1', code: 'EXCEEDED_QUOTA' }, { now: NOW, jitter: 0 })).toBe(false);
    expect(ledger.leases).toMatchObject([{ id: 'real/2' }]);
    expect(used(ledger)).toBe(10);
  });

  it('without a part are passed by those that a worker has verified, and are removed after its check', () => {
    const ledger = ledgerOf({ maxJobs: 2 });
    for (const n of [1, 2]) request(ledger, ask(`fake${n}/1`, { priority: 1 }), NOW);
    expect(granted(ledger)).toEqual(['fake1/1', 'fake2/1']);
    request(ledger, ask('real/1', { priority: 5 }), NOW + 1);
    request(ledger, ask('first/1', { priority: 1 }), NOW + 2);
    enterKnown(ledger, named('real/1', 'first/1'), NOW + 3);
    for (let n = 3; n < 200; n++) request(ledger, ask(`fake${n}/1`, { priority: 1 }), NOW + 4);
    expect(line(ledger).slice(0, 3)).toEqual(['first/1', 'real/1', 'fake3/1']);
    enterGone(ledger, named('fake1/1', 'fake2/1'), NOW + 5);
    expect(granted(ledger, NOW + 5)).toEqual(['first/1', 'real/1']);
    expect(used(ledger)).toBe(0);
  });

  it('are checked in order of arrival, however many pass in line', () => {
    const ledger = ledgerOf({ maxJobs: 1 });
    request(ledger, ask('runs/1'), NOW);
    grant(ledger, NOW);
    request(ledger, ask('real/1', { priority: 5 }), NOW + 1);
    for (let n = 1; n < 500; n++) request(ledger, ask(`fake${n}/1`, { priority: 1 }), NOW + 2);
    const claims = unchecked(ledger, NOW + 3);
    expect(claims).toHaveLength(100);
    expect(claims.slice(0, 2)).toEqual([
      { id: 'runs/1', holder: 'load/runs', at: NOW },
      { id: 'real/1', holder: 'load/real', at: NOW + 1 },
    ]);
  });

  it('of one part are checked together, including its earlier ones', () => {
    const ledger = ledgerOf();
    for (let n = 1; n <= 200; n++) {
      request(ledger, ask(`real/${n}`), NOW + n);
      grant(ledger, NOW + n);
      settleUnverified(ledger, { id: `real/${n}`, records: 10, batches: 1 }, NOW + n);
    }
    request(ledger, ask('other/1'), NOW + 300);
    const claims = unchecked(ledger, NOW + 300);
    expect(claims.map(({ id, at }) => [id, at])).toEqual([
      ['real/1', NOW + 1],
      ['other/1', NOW + 300],
    ]);
    enterKnown(ledger, claims, NOW + 300);
    expect(needsCheck(ledger, NOW + 300)).toBe(false);
    expect(used(ledger, NOW + 300)).toBe(2_000);
  });

  it('are limited to a size that a part may have', () => {
    const rules = { ...DEFAULT_ALLOCATION };
    const message = { ...ask('real/1'), connection: 'default', apiVersion: 'v66.0', rules };
    const asked = (more: object) => readRequest({ ...message, ...more })?.asked;
    // Half of the platform's own window.
    expect(asked({ records: 1e300, batches: 1e300 })).toMatchObject({ records: 75_000_000, batches: 7_500 });
    expect(asked({ records: 20_000, batches: 15_000 })).toMatchObject({ records: 20_000, batches: 2 });
    expect(readSettlement({ id: 'real/1', records: 1e300, batches: 1e300 })).toMatchObject({
      records: 75_000_000,
      batches: 7_500,
    });
    for (const bad of [{ records: -1 }, { records: NaN }, { batches: '1' }, { priority: '1' }, { priority: undefined }])
      expect.soft(asked(bad), JSON.stringify(bad)).toBeUndefined();
    const ledger = ledgerOf({ maxJobs: 0 });
    for (const [n, priority] of [-1e9, 1e9, NaN, 2.4, Infinity].entries())
      request(ledger, ask(`p${n}/1`, { priority, patienceMs: 1e12 }), NOW);
    expect(ledger.waiting.map(({ priority }) => priority).sort()).toEqual([1, 2, 3, 5, 5]);
    for (const { patienceMs } of ledger.waiting) expect(patienceMs).toBe(86_400_000);
  });
});

describe('the usage of a job', () => {
  it('counts at once, and no longer if its holder does not exist', () => {
    const ledger = ledgerOf();
    for (const id of ['fake/1', 'real/1', 'seen/1']) request(ledger, ask(id, { records: 300_000 }), NOW);
    expect(granted(ledger)).toHaveLength(3);
    enterKnown(ledger, named('seen/1'), NOW);
    for (const id of ['fake/1', 'real/1', 'seen/1']) settleUnverified(ledger, { id, records: 1e9, batches: 1e6 }, NOW);
    expect(used(ledger)).toBe(900_000);
    expect(unchecked(ledger, NOW).map(({ id }) => id)).toEqual(['fake/1', 'real/1']);
    enterGone(ledger, named('fake/1'), NOW + 1);
    enterKnown(ledger, named('real/1'), NOW + 1);
    expect(summary(ledger, NOW + 1)).toMatchObject({ records: { used: 600_000 }, batches: { used: 60 } });
    expect(needsCheck(ledger, NOW + 1)).toBe(false);
  });

  it('of thousands of unverified holders counts no more than the share for those', () => {
    const ledger = ledgerOf({ maxJobs: 1, recordsPerWindow: 100_000_000, batchesPerWindow: 1_000_000 });
    for (let n = 0; n < 3_000; n++) {
      request(ledger, ask(`fake${n}/1`, { records: 30_000 }), NOW);
      expect(granted(ledger)).toEqual([`fake${n}/1`]);
      settleUnverified(ledger, { id: `fake${n}/1`, records: 30_000, batches: 3 }, NOW);
    }
    // A thousand wait for the check; the others are treated like those without a place.
    expect(used(ledger)).toBe(1_000 * 30_000 + 10_000_000);
  });
});

describe('a refusal', () => {
  const lesson = (id: string) => ({ id, code: 'EXCEEDED_QUOTA' });

  it('is learned once for each job, however often it is reported', () => {
    const ledger = ledgerOf();
    request(ledger, ask('real/1'), NOW);
    grant(ledger, NOW);
    let now = NOW;
    expect(learnUnverified(ledger, lesson('real/1'), { now, jitter: 0 })).toBe(true);
    const first = ledger.refused;
    for (let n = 0; n < 30; n++) {
      now = Math.max(now, (ledger.refused?.until ?? 0) + 1);
      // Also with another number of the same run.
      request(ledger, ask(`real/${n + 2}`), now);
      expect(learnUnverified(ledger, lesson(`real/${n + 2}`), { now, jitter: 0.99 })).toBe(false);
    }
    expect(ledger.refused).toEqual(first);
    expect(first).toMatchObject({ until: NOW + 5 * MINUTE, times: 1 });
  });

  it('is not learned for a job that was not granted, or that is unknown', () => {
    const ledger = ledgerOf({ maxJobs: 1 });
    for (const id of ['runs/1', 'waits/1']) request(ledger, ask(id), NOW);
    grant(ledger, NOW);
    for (const id of ['waits/1', 'nobody/1'])
      expect(learnUnverified(ledger, lesson(id), { now: NOW, jitter: 0 })).toBe(false);
    expect(ledger.refused).toBeUndefined();
  });

  it("of a fake part is revoked after a worker's check, even if its job has been given back", () => {
    const ledger = ledgerOf();
    request(ledger, ask('fake/1'), NOW);
    grant(ledger, NOW);
    learnUnverified(ledger, lesson('fake/1'), { now: NOW, jitter: 0 });
    giveBack(ledger, 'fake/1', NOW);
    request(ledger, ask('real/1'), NOW);
    expect(granted(ledger)).toEqual([]);
    expect(unchecked(ledger, NOW)[0]).toEqual({ id: 'fake/1', holder: 'load/fake', at: NOW });
    enterGone(ledger, named('fake/1'), NOW + 1);
    expect(granted(ledger, NOW + 1)).toEqual(['real/1']);
  });

  it("of a fake part does not extend the wait from a real part's refusal", () => {
    const ledger = ledgerOf();
    request(ledger, ask('real/1'), NOW);
    grant(ledger, NOW);
    enterKnown(ledger, named('real/1'), NOW);
    learnUnverified(ledger, lesson('real/1'), { now: NOW, jitter: 0 });
    const later = NOW + 6 * MINUTE;
    request(ledger, ask('fake/1'), later);
    grant(ledger, later);
    learnUnverified(ledger, lesson('fake/1'), { now: later, jitter: 0 });
    expect(ledger.refused).toMatchObject({ times: 2, until: later + 10 * MINUTE });
    enterGone(ledger, named('fake/1'), later + 1);
    expect(ledger.refused).toMatchObject({ times: 1, until: later + 1 });
    // Another refusal of a real part stays.
    learnUnverified(ledger, lesson('real/1'), { now: later + 2, jitter: 0 });
    enterGone(ledger, named('nobody/1'), later + 2);
    expect(ledger.refused).toBeDefined();
  });

  it('lasts at most five minutes if the org itself has capacity', () => {
    const ledger = ledgerOf();
    let now = NOW;
    for (let n = 0; n < 6; n++) {
      request(ledger, ask(`real${n}/1`), now);
      grant(ledger, now);
      expect(learnUnverified(ledger, lesson(`real${n}/1`), { now, jitter: 0.5 })).toBe(true);
      giveBack(ledger, `real${n}/1`, now);
      if (n < 5) now = ledger.refused?.until ?? now;
    }
    expect(ledger.refused?.until).toBeGreaterThan(now + 60 * MINUTE);
    shortenRefusal(ledger);
    expect(ledger.refused?.until).toBe(now + 5 * MINUTE);
  });
});

/** Results of a worker's short workflows, and a ledger's answer: who completes activities decides what is in them. */
import { describe, expect, it } from 'vitest';
import type { CheckReport } from '../../../../src/contract/check-report.js';
import type { PruneResultsResult } from '../../../../src/contract/prune-results.js';
import type { OrphanJobsResult } from '../../../../src/contract/orphan-jobs.js';
import {
  checkReport,
  orgLimits,
  orgSummary,
  orphanJobsResult,
  pruneResultsResult,
} from '../../../../src/client/answers/worker-answers.js';
import { readAnswer } from '../../../../src/client/answers/shapes.js';
import type { OrgSummary } from '../../../../src/protocol/messages/allocation-messages.js';

const STEER = '\u001b[2J\r\n\u202e';
const report: CheckReport = {
  ok: false,
  source: 'file:///a.csv',
  object: 'Account',
  operation: 'upsert',
  errors: [{ code: 'HEADER_UNKNOWN_FIELD', message: 'No such field.', column: 'x', position: 3 }],
  warnings: [],
  found: { encoding: 'utf-8', byteOrderMark: false, gzip: false, delimiter: '\t', lineEnding: 'LF', columns: 3 },
  records: 5,
  parts: 1,
  forecast: { batches: 1, apiRequests: 9, remaining: { apiRequests: -3 } },
  rows: {
    bad: 1,
    byCode: { INVALID_FIELD: 1 },
    findings: [{ row: 1, code: 'INVALID_FIELD', message: 'm' }],
    file: 'file:///b.csv',
  },
  details: 'file:///d.json',
};
const shares = { limit: 100, used: 1, granted: 0, reserved: 19.5, free: 79.5 };
const job = { id: 'r/1', holder: 'h', words: 'w', priority: 3, records: 10, batches: 1, since: 5 };
const ledger: OrgSummary = {
  org: 'acme.my.salesforce.com',
  connections: ['default'],
  apiRequests: { max: 100, remaining: -1, at: 5 },
  at: 10,
  windowMs: 86_400_000,
  records: shares,
  batches: { ...shares, others: 2 },
  frees: [{ records: 1, batches: 1, at: 20 }],
  maxJobs: 10,
  jobsTotal: 1,
  jobs: [{ ...job, warning: 'w' }],
  waiting: [{ ...job, reason: 'full', at: 30 }],
  waitingTotal: 1,
  silentJobs: 0,
  refused: { code: 'X', until: 40 },
};
const orphan = {
  ...{ id: '750xx', object: 'Account', operation: 'insert', createdById: '005xx' },
  ...{ createdDate: '2026-11-29', ours: true, aborted: false },
};
const pruned = { loadId: 'a', endedAt: 5, forgotten: true, files: 2, bytes: 9e12, host: 'h' };
const unclear = { loadId: 'b', code: 'LOAD_STATE_UNKNOWN', message: 'x', host: 'h' };
const prune: PruneResultsResult = {
  ...{ dryRun: true, loads: 1, files: 2, bytes: 9e12, listed: [pruned], running: 1, recent: 2, unclear: 1 },
  ...{ listedUnclear: [unclear], failedHosts: [{ host: 'i', code: 'NO_ANSWER' }], complete: false },
};
const orphans: OrphanJobsResult = { jobs: [orphan] };

it('a worker loses nothing', () => {
  expect(readAnswer(checkReport, report, 'it')).toEqual(report);
  expect(readAnswer(orgSummary, ledger, 'it')).toEqual(ledger);
  expect(readAnswer(orphanJobsResult, orphans, 'it')).toEqual(orphans);
  expect(readAnswer(pruneResultsResult, prune, 'it')).toEqual(prune);
  expect(readAnswer(orgLimits, { batches: { max: 1, remaining: 1 } }, 'it')).toEqual({
    batches: { max: 1, remaining: 1 },
  });
});

describe('nonsense', () => {
  it.each([
    [checkReport, null],
    [checkReport, 'x'],
    [checkReport, { ...report, errors: 'x' }],
    [checkReport, { ...report, ok: 'yes' }],
    [orgSummary, null],
    [orgSummary, { ...ledger, at: 1e300 }],
    [orgSummary, { ...ledger, records: { ...shares, used: Number.NaN } }],
    [orphanJobsResult, { jobs: 'x' }],
    [pruneResultsResult, { ...prune, bytes: -1 }],
    [orgLimits, null],
  ])('is refused: %#', (shape, value) => {
    expect(() => readAnswer(shape, value, 'it')).toThrow(expect.objectContaining({ code: 'LOAD_UNREADABLE' }));
  });

  it('in a part of it is left out', () => {
    const errors = [null, 'x', { code: 5 }, { code: `A${STEER}`, message: `b${STEER}c` }];
    const rows = { bad: 1, byCode: {}, findings: [null], file: 'xy' };
    const found = readAnswer(checkReport, { ...report, errors, rows, details: 'xy', found: 5 }, 'it');
    expect(found.errors).toEqual([{ code: 'A [2J', message: 'b [2J c' }]);
    expect(found.rows).toEqual({ bad: 1, byCode: {}, findings: [] });
    expect(found.details ?? found.found).toBeUndefined();
    const jobs = [null, { ...orphan, id: STEER }, { ...orphan, createdById: STEER }];
    expect(readAnswer(orphanJobsResult, { jobs }, 'it').jobs).toEqual([{ ...orphan, createdById: '[2J' }]);
    const loads = [null, { ...pruned, loadId: STEER }, { ...pruned, host: `h${STEER}` }];
    expect(readAnswer(pruneResultsResult, { ...prune, listed: loads }, 'it').listed).toEqual([
      { ...pruned, host: 'h [2J' },
    ]);
    const full = { ...ledger, jobs: Array(5_000).fill(ledger.jobs[0]), frees: [{ at: 1e300 }], refused: 'x' };
    const { jobs: listed, frees, refused } = readAnswer(orgSummary, full, 'it');
    expect([listed.length, frees, refused]).toEqual([100, [], undefined]);
  });
});

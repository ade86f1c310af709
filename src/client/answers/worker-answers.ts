/** Results of the short workflows that ask a worker something: `checkLoad`, `orphanJobs`, `pruneResults`, `orgLimits`. */
import { z } from 'zod';
import { operation } from './load-result.js';
import { count, fields, figure, fileUri, goodOnes, ifGood, line, moment, name, readIf } from './shapes.js';

const MAX_TEXT = 20_000;
const MAX_NAME = 300;
const MAX_CODE = 100;
/** Findings of a header; its fields are at most a few thousand. */
const MAX_FINDINGS = 5_000;
const MAX_ROWS = 1_000;
const MAX_JOBS = 10_000;

const finding = fields({
  code: line(MAX_CODE),
  message: line(MAX_TEXT),
  column: ifGood(line(MAX_NAME)),
  position: ifGood(count),
});
const rowFinding = fields({
  row: count,
  code: line(MAX_CODE),
  column: ifGood(line(MAX_NAME)),
  message: line(MAX_TEXT),
});
const findings = goodOnes((value) => readIf(finding, value), MAX_FINDINGS);

export const checkReport = fields({
  ok: z.boolean(),
  source: line(MAX_TEXT),
  object: line(MAX_NAME),
  operation,
  errors: findings,
  warnings: findings,
  found: ifGood(
    fields({
      encoding: line(MAX_NAME),
      byteOrderMark: z.boolean(),
      gzip: z.boolean(),
      delimiter: z.string().max(1),
      lineEnding: line(MAX_NAME),
      columns: count,
      rewritten: ifGood(line(MAX_TEXT)),
    }),
  ),
  records: ifGood(count),
  parts: ifGood(count),
  forecast: ifGood(
    fields({
      batches: count,
      apiRequests: count,
      remaining: ifGood(fields({ apiRequests: ifGood(figure), batches: ifGood(figure) })),
    }),
  ),
  rows: ifGood(
    fields({
      bad: count,
      byCode: z.record(name(MAX_CODE), count),
      findings: goodOnes((value) => readIf(rowFinding, value), MAX_ROWS),
      file: ifGood(fileUri),
    }),
  ),
  details: ifGood(fileUri),
});

const job = fields({
  id: name(MAX_CODE),
  object: line(MAX_NAME),
  operation: line(MAX_NAME),
  createdById: line(MAX_CODE),
  createdDate: line(MAX_CODE),
  ours: z.boolean(),
  aborted: z.boolean(),
});

export const orphanJobsResult = z.object({ jobs: goodOnes((value) => readIf(job, value), MAX_JOBS) });

const MAX_BYTES = Number.MAX_SAFE_INTEGER;
const bytes = z.int().min(0).max(MAX_BYTES);
const host = ifGood(line(MAX_NAME));
const pruned = fields({ loadId: name(MAX_NAME), endedAt: moment, forgotten: z.boolean(), files: count, bytes, host });
const unclear = fields({ loadId: name(MAX_NAME), code: line(MAX_CODE), message: line(MAX_TEXT), host });
const failedHost = z.object({ host: line(MAX_NAME), code: line(MAX_CODE) });

export const pruneResultsResult = z.object({
  dryRun: z.boolean(),
  loads: count,
  files: count,
  bytes,
  listed: goodOnes((value) => readIf(pruned, value), MAX_ROWS),
  running: count,
  recent: count,
  unclear: count,
  listedUnclear: goodOnes((value) => readIf(unclear, value), MAX_ROWS),
  failedHosts: goodOnes((value) => readIf(failedHost, value), MAX_ROWS),
  complete: z.boolean(),
});

const limit = z.object({ max: figure, remaining: figure });

export const orgLimits = fields({ batches: ifGood(limit), apiRequests: ifGood(limit) });

const amount = { records: figure, batches: figure };
const shares = { limit: figure, used: figure, granted: figure, reserved: figure, free: figure };
const asked = {
  ...amount,
  id: line(MAX_NAME),
  holder: line(1_000),
  words: line(1_000),
  priority: figure,
  since: moment,
};
const granted = fields({ ...asked, warning: ifGood(line(1_000)) });
const waiting = fields({ ...asked, at: ifGood(moment), reason: line(1_000) });
const freed = z.object({ ...amount, at: moment });
const MAX_LISTED = 100;
const MAX_FREES = 10_000;

/** What an org's ledger answers to the query `limits`. */
export const orgSummary = fields({
  org: line(MAX_NAME),
  connections: goodOnes((value) => readIf(name(MAX_NAME), value), MAX_LISTED),
  apiRequests: ifGood(z.object({ max: figure, remaining: figure, at: moment })),
  at: moment,
  windowMs: figure,
  records: z.object(shares),
  batches: z.object({ ...shares, others: figure }),
  frees: goodOnes((value) => readIf(freed, value), MAX_FREES),
  maxJobs: figure,
  jobsTotal: figure,
  jobs: goodOnes((value) => readIf(granted, value), MAX_LISTED),
  waiting: goodOnes((value) => readIf(waiting, value), MAX_LISTED),
  waitingTotal: figure,
  silentJobs: figure,
  refused: ifGood(z.object({ code: line(MAX_CODE), until: moment })),
});

/**
 * Result of each activity: one schema each, by name. Temporal lets any client with permission to write complete an
 * activity in a worker's place, so a workflow reads nothing of a result that does not match; see
 * `workflows/incoming/checked-result.ts`.
 */
import { z } from 'zod';
import { MAX_LISTED_FILES } from '../../contract/load-result.js';
import { LOAD_ID_PATTERN, SEARCH_ATTRIBUTES } from '../../contract/names.js';
import type { SearchAttributeName } from '../../contract/names.js';
import { ANY_WORKER, isFilesQueue, MAX_FILES_QUEUE_BYTES, MAX_GROUPS, MAX_HOSTS } from '../../domain/file-groups.js';
import { MAX_COLUMNS, MAX_NAME, MAX_REQUESTS, MAX_ROWS } from '../../domain/name-and-number-limits.js';
import { MAX_FIGURE } from '../../domain/platform/org-limit.js';
import { bytesOf, isTaskQueue } from '../../domain/text/shown.js';
import * as shape from './input-shapes.js';
import { notifyMessage, notifyWaits } from './notify-shapes.js';
import { MAX_LISTED_RUNS, MAX_SCHEDULE_ID, MAX_WATCHED } from './schedule-types.js';

const rows = z.number().int().min(0).max(MAX_ROWS);
const requestCount = z.number().int().min(0).max(MAX_REQUESTS);
const requests = z.object({ total: requestCount, info: requestCount });
/** Texts for people: a finding may list titles. */
const LONG = 20_000;
const longText = shape.text(LONG);
/** URIs of our own files are percent-encoded. */
const ownUri = shape.uri.regex(/^[!-~]*$/, 'must be percent-encoded');
/** Of the workers that share a folder. */
const queue = z
  .string()
  .refine(
    (name) => isTaskQueue(name) && isFilesQueue(name) && bytesOf(name) <= MAX_FILES_QUEUE_BYTES,
    'must be a queue of workers that share files',
  );
const queueOrAny = z.literal(ANY_WORKER).or(queue);
/** Of jobs of one search; see `orphan-types.ts`. */
const someJobs = shape.list(shape.salesforceId, 200);

const counted = <T extends z.ZodType>(value: T) =>
  z.object({
    value,
    requests,
    warnings: shape.list(shape.text(), 20).exactOptional(),
    late: z.boolean().exactOptional(),
  });

const stage = shape.stage
  .extend({ groups: shape.list(shape.partGroup, 10), records: rows })
  .refine(
    ({ groups, parts }) => groups.reduce((sum, one) => sum + one.lastPart - one.firstPart + 1, 0) === parts,
    'must have each part in one group',
  );

const jobStatus = counted(
  z.object({
    id: shape.salesforceId,
    state: shape.text(100),
    processed: rows,
    failed: rows,
    errorMessage: shape.text(2_000).exactOptional(),
    apiUsed: z.number().min(0).max(100).exactOptional(),
  }),
);

const figure = z.number().min(-MAX_FIGURE).max(MAX_FIGURE);
const orgLimit = z.object({ max: figure, remaining: figure });

/** The answer of a ledger to a request: the activity that asks reads the ledger's own with it too. */
export const LEDGER_ANSWER = z.discriminatedUnion('status', [
  z.object({ status: z.literal('granted'), warning: shape.text().exactOptional() }),
  z.object({ status: z.literal('waiting'), reason: shape.text(2_000), at: shape.time.exactOptional() }),
  z.object({ status: z.enum(['ended', 'unknown']) }),
]);

const allocation = z.object({
  recordsPerWindow: figure,
  batchesPerWindow: figure,
  windowMs: figure,
  reservedRecords: figure,
  maxJobs: figure,
});

const finding = z.object({
  code: shape.text(100),
  message: longText,
  column: shape.text(LONG).exactOptional(),
  position: rows.exactOptional(),
});
/** More than one for each column of a file. */
const findings = shape.list(finding, 2 * MAX_COLUMNS);

const checkReport = z.object({
  ok: z.boolean(),
  source: shape.text(),
  object: shape.text(),
  operation: shape.operation,
  errors: findings,
  warnings: findings,
  found: z
    .object({
      encoding: shape.text(100),
      byteOrderMark: z.boolean(),
      gzip: z.boolean(),
      delimiter: shape.text(10),
      lineEnding: shape.text(10),
      columns: rows,
      rewritten: longText.exactOptional(),
    })
    .exactOptional(),
  records: rows.exactOptional(),
  parts: rows.exactOptional(),
  forecast: z
    .object({
      batches: rows,
      apiRequests: rows,
      remaining: z.object({ apiRequests: figure.exactOptional(), batches: figure.exactOptional() }).exactOptional(),
    })
    .exactOptional(),
  rows: z
    .object({
      bad: rows,
      byCode: z.record(shape.text(100), rows),
      findings: shape.list(
        z.object({
          row: rows,
          code: shape.text(100),
          column: shape.text(LONG).exactOptional(),
          message: longText,
        }),
        1_000,
      ),
      file: ownUri.exactOptional(),
    })
    .exactOptional(),
  details: ownUri.exactOptional(),
});

const forPeople = z.object({
  rejected: ownUri.exactOptional(),
  unprocessed: ownUri.exactOptional(),
  changes: ownUri.exactOptional(),
});

const loadError = z.object({
  code: shape.text(100),
  message: longText,
  detail: longText.exactOptional(),
});

/** Fields of jobs that other programs created may be empty. */
const openJob = z.object({
  id: shape.salesforceId,
  object: shape.text(MAX_NAME),
  operation: shape.text(100),
  createdById: shape.text(100),
  createdDate: shape.text(100),
  ours: z.boolean(),
});

/** Of logarithms. */
const spread = z.object({ mean: z.number().min(-50).max(50), sd: z.number().min(0).max(50) });
/** Retries may take longer than the first pass. */
const share = z.number().min(0).max(1_000);

const loadId = z.string().regex(LOAD_ID_PATTERN, 'must be a load id');

const searchAttribute = z.enum(Object.keys(SEARCH_ATTRIBUTES) as [SearchAttributeName]);

const dueTimes = shape.list(shape.time, MAX_LISTED_RUNS);
const seenSchedule = z.object({
  id: shape.text(MAX_SCHEDULE_ID).min(1),
  changedAt: shape.time,
  paused: z.boolean(),
  next: dueTimes,
  started: dueTimes,
  skipped: shape.count,
  missed: shape.count,
  workflowId: shape.text(),
  connection: shape.text(MAX_NAME),
  object: shape.text(MAX_NAME),
  operation: shape.text(MAX_NAME),
});

export const ACTIVITY_RESULTS = {
  requestLease: z.object({
    ledger: shape.workflowId,
    answer: z.union([LEDGER_ANSWER, z.object({ status: z.literal('unreachable'), why: shape.text(2_000) })]),
  }),
  readOrgLimits: counted(z.object({ batches: orgLimit.exactOptional(), apiRequests: orgLimit.exactOptional() })),
  checkLedger: z.object({
    connection: shape.name.exactOptional(),
    rules: allocation.exactOptional(),
    known: shape.list(shape.text(), 100),
    gone: shape.list(shape.text(), 100),
  }),
  probeSource: z.object({
    filesQueue: queueOrAny,
    found: z.object({ size: shape.count, modifiedMs: shape.time }).exactOptional(),
    unavailable: z.boolean().exactOptional(),
  }),
  locateSource: z.object({
    filesQueue: queueOrAny,
    host: shape.text(MAX_NAME).exactOptional(),
    outputUri: ownUri,
    workUri: ownUri,
    searchAttributes: shape.list(searchAttribute, 20),
    notifyWaits: notifyWaits.exactOptional(),
  }),
  readPastLoads: z.object({
    past: z
      .object({
        loads: z.int().min(1).max(100),
        rows,
        rate: spread,
        duration: spread,
        retryShare: share,
        restMs: shape.count,
      })
      .exactOptional(),
  }),
  findFailingSteps: z.object({
    failing: z.object({ step: shape.text(200), code: shape.text(200), attempt: shape.count }).exactOptional(),
  }),
  readNotifyRules: z.object({ waits: notifyWaits.exactOptional() }),
  routeNotification: z.object({
    deliveries: shape.list(z.object({ target: shape.name, message: notifyMessage, hasKey: z.boolean() }), 100),
  }),
  sendNotification: z.undefined().or(z.null()),
  noteDeliveries: z.undefined().or(z.null()),
  pingHeartbeat: z.object({ warning: shape.text(6_000).exactOptional() }),
  readSchedules: z.object({
    graceMs: shape.count.exactOptional(),
    schedules: shape.list(seenSchedule, MAX_WATCHED),
    tooMany: z.boolean(),
  }),
  planLoad: counted(
    z.object({
      stage,
      object: shape.apiName.exactOptional(),
      apiVersion: shape.apiVersion,
      rejected: z.object({ uri: ownUri, rows }).exactOptional(),
      warnings: shape.list(longText, 20),
    }),
  ),
  checkSource: counted(checkReport),
  createJob: counted(
    z.object({
      jobId: shape.salesforceId,
      createdById: shape.salesforceId.exactOptional(),
      lostCreates: shape.list(shape.lostCreate, 10_000),
      aheadMs: shape.time,
      maybeSentBefore: z.boolean(),
    }),
  ),
  uploadPart: counted(
    z.union([z.object({ records: rows, bytes: shape.count }), z.object({ sentBefore: shape.salesforceId })]),
  ),
  closeJob: jobStatus,
  readJob: jobStatus,
  abortJob: jobStatus,
  describeChild: z.object({
    runs: z.boolean(),
    // Read like the result of the child itself.
    result: z.unknown().optional(),
    jobIds: shape.list(shape.salesforceId, 20).exactOptional(),
  }),
  findEarlierJobs: counted(
    z.object({
      adopt: shape.salesforceId.exactOptional(),
      pending: someJobs,
      unknown: someJobs,
      open: z.boolean(),
      allKnown: z.boolean(),
    }),
  ),
  findLostJobs: counted(z.object({ empty: someJobs, filled: someJobs })),
  listFileGroups: shape.list(
    z.object({ queue, hosts: shape.list(shape.text(100), MAX_HOSTS), away: z.boolean().exactOptional() }),
    MAX_GROUPS,
  ),
  listOpenJobs: counted(z.object({ apiVersion: shape.apiVersion, jobs: shape.list(openJob, 500) })),
  downloadResults: counted(shape.resultCounts),
  pruneOutput: z.object({
    outputUri: ownUri,
    next: loadId.exactOptional(),
    tooMany: z.boolean(),
    loads: shape.count,
    files: shape.count,
    bytes: shape.count,
    running: shape.count,
    recent: shape.count,
    unclear: shape.count,
    listed: shape.list(
      z.object({ loadId, endedAt: shape.time, forgotten: z.boolean(), files: shape.count, bytes: shape.count }),
      500,
    ),
    listedUnclear: shape.list(z.object({ loadId, code: shape.text(100), message: shape.text(2_000) }), 100),
  }),
  recordParts: z.undefined().or(z.null()),
  checkEarlierRun: z.undefined().or(z.null()),
  notePause: z.undefined().or(z.null()),
  readPartSizes: shape.partSizes,
  triageRows: z.object({
    files: z.object({
      rejected: ownUri.exactOptional(),
      unprocessed: ownUri.exactOptional(),
      alreadyDone: ownUri.exactOptional(),
      changes: ownUri.exactOptional(),
    }),
    next: stage.exactOptional(),
    rejected: rows,
    unprocessed: rows,
    alreadyDone: rows,
    rerendered: rows,
    stop: loadError.exactOptional(),
    warnings: shape.list(longText, 20).exactOptional(),
  }),
  acceptCorrections: z.object({
    rows,
    remaining: rows,
    warnings: shape.list(longText, 20).exactOptional(),
    rejected: ownUri.exactOptional(),
    left: rows.exactOptional(),
    next: stage,
  }),
  collectRejected: z.object({ uri: ownUri, forPeople: ownUri.exactOptional() }),
  keepColumns: z.object({
    file: ownUri.exactOptional(),
    rows,
    joined: rows,
    why: longText.exactOptional(),
  }),
  writeReport: z.object({
    succeeded: shape.list(ownUri, MAX_LISTED_FILES),
    rejected: ownUri.exactOptional(),
    unprocessed: ownUri.exactOptional(),
    kept: ownUri.exactOptional(),
    changes: ownUri.exactOptional(),
    forPeople: forPeople.exactOptional(),
    report: ownUri.exactOptional(),
    reportHtml: ownUri.exactOptional(),
    warnings: shape.list(shape.text(2_000), 10).exactOptional(),
  }),
};

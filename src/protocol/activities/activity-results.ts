/**
 * Result of each activity: one schema each, by name. Temporal lets any client with permission to write complete an
 * activity in a worker's place, so a workflow reads nothing of a result that does not match; see
 * `workflows/incoming/checked-result.ts`.
 */
import { z } from 'zod';
import { MAX_LISTED_FILES } from '../../contract/load-result.js';
import { MAX_GROUPS, MAX_HOSTS } from '../../domain/file-groups.js';
import { MAX_NAME } from '../../domain/name-and-number-limits.js';
import * as shape from './input-shapes.js';
import { notifyMessage, notifyWaits } from './notify-shapes.js';
import { MAX_SCHEDULE_ID, MAX_WATCHED } from './schedule-types.js';
import {
  LEDGER_ANSWER,
  allocation,
  checkReport,
  counted,
  forPeople,
  jobStatus,
  loadError,
  loadId,
  longText,
  openJob,
  orgLimit,
  ownUri,
  queue,
  queueOrAny,
  rows,
  searchAttribute,
  seenSchedule,
  share,
  someJobs,
  spread,
  stage,
} from './result-shapes.js';

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
        retryWaitMs: shape.count.exactOptional(),
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
    unread: shape.list(shape.text(MAX_SCHEDULE_ID), MAX_WATCHED).exactOptional(),
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

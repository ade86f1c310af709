/** Input of each activity: one schema each, by name. Activities that change the org come first. */
import { z } from 'zod';
import { LOAD_ID_PATTERN } from '../../contract/names.js';
import type { BulkLoadResult } from '../../contract/load-result.js';
import { REQUEST_ID } from '../../domain/name-and-number-limits.js';
import { LOAD_RESULT } from '../../domain/result-schema.js';
import * as shape from './input-shapes.js';
import { deliveryNotes, notifyAbout, notifyFacts, notifyMessage } from './notify-shapes.js';

/** What a load is going to do, limited to what may be forbidden. */
const wish = {
  object: shape.apiName.exactOptional(),
  operation: shape.operation.exactOptional(),
  externalIdFieldName: shape.apiName.exactOptional(),
  fixer: z.object({ activity: shape.name, taskQueue: shape.name }).exactOptional(),
  output: shape.uri.exactOptional(),
};

const loadId = z
  .string()
  .regex(LOAD_ID_PATTERN, 'must be a load id')
  .refine((id) => id !== '.' && id !== '..', 'must be a load id');
const partRef = { stageUri: shape.uri, part: shape.part };
const job = {
  ...shape.org,
  jobId: shape.salesforceId,
  object: shape.apiName.exactOptional(),
  operation: shape.operation.exactOptional(),
  externalIdFieldName: shape.apiName.exactOptional(),
  since: shape.time.exactOptional(),
};
/** With the stage of the part: details are recorded next to its files. */
const jobRef = { ...job, stageUri: shape.uri.exactOptional() };
const evidence = z.object({ jobsKnownUntil: shape.time, timeGapAt: shape.time.exactOptional() });

const planLoad = z.object({
  source: shape.uri,
  workUri: shape.uri,
  object: shape.apiName,
  operation: shape.operation,
  externalIdFieldName: shape.apiName.exactOptional(),
  connection: shape.name,
  columns: shape.table.exactOptional(),
  columnsIfPresent: shape.table.exactOptional(),
  constants: shape.table.exactOptional(),
  blankAsNull: z.boolean(),
  delimiter: shape.delimiter.exactOptional(),
  lineEnding: shape.lineEnding.exactOptional(),
  encoding: shape.text(100).exactOptional(),
  partMaxBytes: shape.count,
  mapLabels: z.boolean(),
  checkRows: z.boolean(),
  skipBadRows: z.boolean(),
  fixFields: shape.list(shape.text(), 100).exactOptional(),
  fixer: wish.fixer,
});

export const ACTIVITY_INPUTS = {
  listFileGroups: z.undefined(),
  createJob: z.object({
    ...shape.org,
    evidence: evidence.exactOptional(),
    object: shape.apiName,
    operation: shape.operation,
    externalIdFieldName: shape.apiName.exactOptional(),
    assignmentRuleId: shape.salesforceId.exactOptional(),
    columnDelimiter: shape.columnDelimiter,
    lineEnding: shape.lineEnding,
    stageUri: shape.uri.exactOptional(),
  }),
  uploadPart: z.object({ ...job, ...partRef, replaces: shape.jobIds }),
  closeJob: z.object(jobRef),
  abortJob: z.object({ ...jobRef, unlessClosed: z.boolean().exactOptional() }),
  readJob: z.object(jobRef),
  downloadResults: z.object({
    ...job,
    ...partRef,
    operation: shape.operation,
    failed: z.boolean().exactOptional(),
  }),
  findEarlierJobs: z.object({
    ...shape.org,
    ...partRef,
    object: shape.apiName,
    operation: shape.operation,
    createdById: shape.salesforceId.exactOptional(),
    since: shape.time,
    load: shape.workflowId,
    workflowId: shape.workflowId,
    workUri: shape.uri,
    ours: shape.jobIds,
    notOurs: shape.jobIds,
  }),
  findLostJobs: z.object({
    ...shape.org,
    object: shape.apiName,
    operation: shape.operation,
    externalIdFieldName: shape.apiName.exactOptional(),
    createdById: shape.salesforceId.exactOptional(),
    lostCreates: shape.list(shape.lostCreate, 1_000),
  }),
  listOpenJobs: z.object({ connection: shape.name, createdUntil: shape.time }),
  pruneOutput: z.object({
    before: shape.time,
    dryRun: z.boolean(),
    from: loadId.exactOptional(),
    list: z.object({ loads: z.number().int().min(0).max(500), unclear: z.number().int().min(0).max(100) }),
  }),
  requestLease: z.object({
    ...shape.org,
    id: z.string().regex(REQUEST_ID, 'must be a request id'),
    words: shape.text(),
    priority: z.number().min(1).max(5),
    records: shape.count,
    batches: shape.count,
    patienceMs: shape.count.exactOptional(),
    answerWithinMs: z.number().min(0).max(600_000),
  }),
  checkLedger: z.object({
    org: shape.text(),
    connections: shape.list(shape.name, 20),
    holders: shape.list(z.object({ id: shape.text(), holder: shape.workflowId, at: shape.time }), 100),
  }),
  readOrgLimits: z.object({ connection: shape.name, apiVersion: shape.apiVersion.exactOptional() }),
  describeChild: z.object({ workflowId: shape.workflowId }),
  probeSource: z.object({ ...wish, source: shape.uri, connection: shape.name }),
  locateSource: z.object({
    ...wish,
    connection: shape.name,
    source: shape.uri,
    loadId,
    executionId: shape.runId,
    schedule: shape.text().exactOptional(),
    refuseLanded: z.boolean().exactOptional(),
    outlastStore: z.boolean().exactOptional(),
  }),
  planLoad,
  checkSource: planLoad,
  recordParts: z.object({
    stageUri: shape.uri,
    file: z.number().int().min(1).max(100_000),
    outcomes: shape.ended.outcomes,
    jobs: shape.ended.jobs,
  }),
  readPastLoads: z.object({
    connection: shape.name,
    object: shape.text(),
    operation: shape.operation,
    schedule: shape.text().exactOptional(),
    output: shape.uri.exactOptional(),
  }),
  findFailingSteps: z.undefined(),
  readNotifyRules: notifyAbout,
  routeNotification: notifyFacts,
  sendNotification: z.object({ target: shape.name, message: notifyMessage }),
  noteDeliveries: z.object({ outputUri: shape.uri, workUri: shape.uri, notes: deliveryNotes }),
  pingHeartbeat: z.object({ heartbeat: shape.text(), kind: z.enum(['start', 'success', 'fail']) }),
  readSchedules: z.object({}),
  checkEarlierRun: z.object({}),
  notePause: z.object({ paused: z.boolean(), connection: shape.name.exactOptional() }),
  readPartSizes: z.object({ stageUri: shape.uri, from: shape.count }),
  triageRows: z.object({
    stage: shape.stage,
    outcomes: shape.ended.outcomes,
    jobs: shape.ended.jobs.exactOptional(),
    noted: shape.ended.noted.exactOptional(),
    notStartedFrom: shape.count.exactOptional(),
    operation: shape.operation,
    final: z.boolean(),
    nextStageUri: shape.uri,
    partMaxBytes: shape.count,
    serial: z.boolean().exactOptional(),
    fixes: shape.fixes.exactOptional(),
  }),
  acceptCorrections: z.object({
    connection: shape.name.exactOptional(),
    source: shape.uri,
    delimiter: shape.delimiter.exactOptional(),
    encoding: shape.text(100).exactOptional(),
    stage: shape.stage,
    rejected: shape.uris,
    ended: shape.endedStages,
    fromFixer: z.boolean(),
    operation: shape.operation,
    blankAsNull: z.boolean(),
    nextStageUri: shape.uri,
    partMaxBytes: shape.count,
  }),
  collectRejected: z.object({
    outputUri: shape.uri,
    runId: shape.runId,
    rejected: shape.uris,
    defuse: z.boolean().exactOptional(),
  }),
  keepColumns: z.object({
    stageUri: shape.uri,
    ended: shape.endedStages,
    outputUri: shape.uri,
    runId: shape.runId,
  }),
  writeReport: z.object({
    connection: shape.name.exactOptional(),
    schedule: z.string().max(1_000).exactOptional(),
    outputUri: shape.uri,
    workUri: shape.uri,
    rejected: shape.uris,
    unprocessed: shape.uris,
    changes: shape.uris,
    ended: shape.endedStages,
    defuse: z.boolean().exactOptional(),
    facts: shape.reportFacts.exactOptional(),
    // It enters report.json as it is, with fields of a later version.
    report: z.custom<BulkLoadResult>((value) => LOAD_RESULT.safeParse(value).success, 'must be a load result'),
  }),
};

export type ActivityName = keyof typeof ACTIVITY_INPUTS;

/** Whoever completes an activity in a worker's place: a workflow reads only what that activity could have returned. */
import { ActivityFailure } from '@temporalio/common';
import { describe, expect, it } from 'vitest';
import { toLoadError } from '../../../../src/domain/failures.js';
import type { ACTIVITY_RESULTS } from '../../../../src/protocol/activities/activity-results.js';
import { checkedResult } from '../../../../src/workflows/incoming/checked-result.js';

function codeOf(activity: string, result: unknown): string {
  try {
    checkedResult(activity, result);
    return 'none';
  } catch (error) {
    expect(error).toBeInstanceOf(ActivityFailure);
    return toLoadError(error).code;
  }
}

const requests = { total: 1, info: 0 };
const counted = (value: object): object => ({ value, requests, warnings: ['v48.0 retires.'], late: true });
const jobId = '7500000000000AAAAA';
const uri = 'file:///out/load/rejected.csv';
const stage = {
  uri: 'file:///w/stage/',
  groups: [
    { operation: 'upsert', externalIdFieldName: 'Key__c', firstPart: 1, lastPart: 2 },
    { operation: 'insert', firstPart: 3, lastPart: 3 },
  ],
  parts: 3,
  sizes: { from: 1, records: [10, 10, 10] },
  records: 30,
  columnDelimiter: 'COMMA',
  lineEnding: 'LF',
  key: 'Key__c',
};
const status = counted({ id: jobId, state: 'InProgress', processed: 5, failed: 1, errorMessage: 'x', apiUsed: 0.5 });
const files = { rejected: uri, unprocessed: uri, changes: uri };
const finding = { code: 'HEADER_UNKNOWN', message: 'x', column: 'Name', position: 2 };

const MESSAGE = {
  id: 'bulk-load/a/notify-0123abcd/failed-1',
  event: 'failed',
  at: '2026-11-30T02:00:00.000Z',
  dueAt: '2026-11-30T01:45:00.000Z',
  loadId: 'a',
  connection: 'default',
  object: 'Account',
  schedule: 'nightly',
  workflowId: 'bulk-load/a',
  runId: '0123abcd',
  operation: 'upsert',
  state: 'Failed',
  records: { total: 5, succeeded: 4, rejected: 1, unprocessed: 0, unaccounted: 0 },
  error: { code: 'CIRCUIT_OPEN', message: 'x' },
  waitingFor: 'corrections',
  forecast: { endsAt: '2026-11-30T06:10:00Z', finishBy: '2026-11-30T06:00:00Z' },
  report: uri,
  uiUrl: 'https://ui.example/',
};

/** A complete result of each activity. */
const RESULTS: Record<keyof typeof ACTIVITY_RESULTS, unknown> = {
  requestLease: { ledger: 'nightload-allocation/00D', answer: { status: 'waiting', reason: 'behind 2', at: 5 } },
  readOrgLimits: counted({ batches: { max: 15_000, remaining: -3 }, apiRequests: { max: 100_000, remaining: 5 } }),
  checkLedger: {
    connection: 'default',
    rules: { recordsPerWindow: 1, batchesPerWindow: 1, windowMs: 86_400_000, reservedRecords: 0, maxJobs: 10 },
    known: ['a/1'],
    gone: ['b/1'],
  },
  probeSource: { filesQueue: 'q-files-1', found: { size: 5, modifiedMs: 1_700_000_000_000 } },
  locateSource: {
    filesQueue: 'q-files-1',
    host: 'a.example',
    outputUri: 'file:///o/',
    workUri: 'file:///w/',
    searchAttributes: ['NightloadObject'],
    notifyWaits: [600_000],
  },
  readPastLoads: {
    past: {
      loads: 3,
      rows: 900,
      rate: { mean: -1, sd: 0.2 },
      duration: { mean: 16, sd: 0.3 },
      retryShare: 0.1,
      restMs: 4_000,
    },
  },
  findFailingSteps: { failing: { step: 'readJob', code: 'SF_UNAVAILABLE', attempt: 7 } },
  readNotifyRules: { waits: [600_000] },
  routeNotification: { deliveries: [{ target: 'ops', message: MESSAGE, hasKey: true }] },
  sendNotification: undefined,
  noteDeliveries: undefined,
  pingHeartbeat: { warning: 'HEARTBEAT_UNKNOWN: x' },
  readSchedules: {
    graceMs: 600_000,
    schedules: [
      {
        ...{ id: 'nightly', changedAt: 1_700_000_000_000, paused: false, next: [1_700_000_000_000], started: [5] },
        ...{ skipped: 1, missed: 2, workflowId: 'bulk-load/nightly' },
        ...{ connection: 'default', object: 'Account', operation: 'upsert' },
      },
    ],
    unread: ['broken'],
    tooMany: false,
  },
  planLoad: counted({ stage, object: 'Account', apiVersion: 'v66.0', rejected: { uri, rows: 5 }, warnings: ['w'] }),
  checkSource: counted({
    ok: false,
    source: 'file:///in/a.csv',
    object: 'Account',
    operation: 'upsert',
    errors: [finding],
    warnings: [finding],
    found: {
      encoding: 'utf-8',
      byteOrderMark: true,
      gzip: false,
      delimiter: ',',
      lineEnding: 'LF',
      columns: 4,
      rewritten: 'x',
    },
    records: 10,
    parts: 1,
    forecast: { batches: 1, apiRequests: 16, remaining: { apiRequests: 5, batches: 5 } },
    rows: {
      bad: 1,
      byCode: { TOO_LONG: 1 },
      findings: [{ row: 2, code: 'TOO_LONG', column: 'A', message: 'x' }],
      file: uri,
    },
    details: uri,
  }),
  createJob: counted({
    jobId,
    createdById: '005000000000001AAA',
    lostCreates: [{ from: 1, to: 2, creates: 1 }],
    aheadMs: -5,
    maybeSentBefore: false,
  }),
  uploadPart: counted({ records: 10, bytes: 500 }),
  closeJob: status,
  readJob: status,
  abortJob: status,
  describeChild: { runs: false, jobIds: [jobId] },
  findEarlierJobs: counted({ adopt: jobId, pending: [jobId], unknown: [jobId], open: true, allKnown: false }),
  findLostJobs: counted({ empty: [jobId], filled: [jobId] }),
  listFileGroups: [{ queue: 'q-files-1', hosts: ['a.example'] }],
  listOpenJobs: counted({
    apiVersion: 'v66.0',
    jobs: [{ id: jobId, object: '', operation: '', createdById: '', createdDate: '', ours: true }],
  }),
  downloadResults: counted({
    succeeded: 5,
    failed: 1,
    failedForGood: 1,
    unprocessed: 0,
    stop: 'STORAGE_LIMIT_EXCEEDED',
  }),
  pruneOutput: {
    ...{ outputUri: 'file:///o/', next: 'b', tooMany: false, loads: 1, files: 5, bytes: 500 },
    ...{ running: 1, recent: 1, unclear: 1 },
    listed: [{ loadId: 'a', endedAt: 5, forgotten: true, files: 5, bytes: 500 }],
    listedUnclear: [{ loadId: 'b', code: 'RESULTS_OWNER_UNCLEAR', message: 'x' }],
  },
  recordParts: undefined,
  checkEarlierRun: undefined,
  notePause: undefined,
  readPartSizes: { from: 1, records: [10] },
  triageRows: {
    files: { ...files, alreadyDone: uri },
    next: stage,
    rejected: 1,
    unprocessed: 2,
    alreadyDone: 3,
    rerendered: 4,
    stop: { code: 'STORAGE_LIMIT_EXCEEDED', message: 'x', detail: 'y' },
    warnings: ['w'],
  },
  acceptCorrections: { rows: 1, remaining: 2, warnings: ['w'], rejected: uri, left: 1, next: stage },
  collectRejected: { uri, forPeople: uri },
  keepColumns: { file: uri, rows: 5, joined: 4, why: 'x' },
  writeReport: { succeeded: [uri], ...files, kept: uri, forPeople: files, report: uri },
};

describe.each(Object.entries(RESULTS))('a result of %s', (activity, result) => {
  it('passes', () => expect(checkedResult(activity, result)).toEqual(result));

  it('passes without fields that only a later version knows', () => {
    const more = typeof result === 'object' && !Array.isArray(result) ? { ...result, newField: 1 } : result;
    expect(checkedResult(activity, more)).toEqual(result);
  });

  const places = leavesOf(result);
  it.runIf(places.length > 0)('is refused with anything else in any of its fields', () => {
    const passed = places.flatMap((place) =>
      FORGED.filter((forged) => codeOf(activity, withAt(result, place, forged)) === 'none').map(
        (forged) => `${place.join('.')}: ${String(JSON.stringify(forged)).slice(0, 40)}`,
      ),
    );
    expect(passed).toEqual([]);
  });
});

/** Nothing that an activity returns is one of these. */
const FORGED = [null, 1e300, -1e300, 1e16, Number.NaN, [{ a: 1 }], [[]], 'x'.repeat(30_000), 'y\u0000 '.repeat(9_000)];

/** Where a result has values, list entries included. */
function leavesOf(value: unknown, path: (string | number)[] = []): (string | number)[][] {
  if (typeof value !== 'object' || value === null) return path.length === 0 ? [] : [path];
  return Object.entries(value).flatMap(([key, inner]) => [[...path, key], ...leavesOf(inner, [...path, key])]);
}

function withAt(value: unknown, [key, ...rest]: (string | number)[], put: unknown): unknown {
  if (key === undefined) return put;
  const copy = (Array.isArray(value) ? [...(value as unknown[])] : { ...(value as object) }) as Record<string, unknown>;
  copy[key] = withAt(copy[key], rest, put);
  return copy;
}

const planned = (change: object): unknown =>
  counted({ stage: { ...stage, ...change }, apiVersion: 'v66.0', warnings: [] });

describe('a result', () => {
  it('of an activity that is not ours is not looked at', () => {
    expect(checkedResult('fixRows', 'anything')).toBe('anything');
    expect(checkedResult('toString', null)).toBeNull();
  });

  it.each([
    ['two answers to an upload', 'uploadPart', counted({ sentBefore: jobId })],
    [
      'a stage without parts',
      'planLoad',
      planned({ parts: 0, records: 0, groups: [], sizes: { from: 1, records: [] } }),
    ],
    ['void as other clients send it', 'recordParts', null],
    ['a granted lease', 'requestLease', { ledger: 'x', answer: { status: 'granted' } }],
    ['a silent ledger', 'requestLease', { ledger: 'x', answer: { status: 'unreachable', why: 'it is silent' } }],
  ])('passes: %s', (_what, activity, result) => expect(codeOf(activity, result)).toBe('none'));

  it.each([
    ['nothing', 'locateSource', {}],
    ['a list', 'locateSource', []],
    ['no counter of requests', 'createJob', { value: {} }],
    ['no groups', 'planLoad', planned({ groups: [] })],
    ['a part without a group', 'planLoad', planned({ parts: 4 })],
    ['more parts than a load has', 'planLoad', planned({ parts: 1e15 })],
    ['no sizes', 'planLoad', planned({ sizes: undefined })],
    ['more than half a row', 'planLoad', planned({ records: 0.5 })],
    ['a negative count', 'readPartSizes', { from: -1, records: [] }],
    ['3,000 groups of workers', 'listFileGroups', Array(3_000).fill({ queue: 'q', hosts: [] })],
    ['a queue that the server keeps for itself', 'listFileGroups', [{ queue: '/_sys/x/1', hosts: [] }]],
    ['a queue of too many bytes', 'listFileGroups', [{ queue: '😀'.repeat(100), hosts: [] }]],
    ['an empty queue', 'listFileGroups', [{ queue: '', hosts: [] }]],
    ['a ledger of too many bytes', 'requestLease', { ledger: '😀'.repeat(300), answer: { status: 'granted' } }],
    ['a job id that is a path', 'uploadPart', counted({ sentBefore: '../x' })],
    [
      '1.9 MB of warnings',
      'planLoad',
      counted({ stage, apiVersion: 'v66.0', warnings: Array(95).fill('x'.repeat(20_000)) }),
    ],
    ['a URI outside of files', 'collectRejected', { uri: 'https://example.com/' }],
    [
      'a search attribute of others',
      'locateSource',
      { ...(RESULTS.locateSource as object), searchAttributes: ['TemporalX'] },
    ],
  ])('is refused: %s', (_what, activity, result) => expect(codeOf(activity, result)).toBe('INVALID_ACTIVITY_RESULT'));
});

/** Fault × step: what a network or a platform may do to each kind of request. */
import type { Fault, FaultAction, RequestKind } from '../../src/simulator/index.js';
import type { Case, LoadPlan, Trouble } from './types.js';

interface Step {
  name: string;
  kind: RequestKind;
  path?: string;
  load: LoadPlan;
}

const INSERT: LoadPlan = { operation: 'insert', rows: 300, parts: 1 };

export const STEPS: readonly Step[] = [
  { name: 'versions', kind: 'versions', load: { operation: 'delete', rows: 200, parts: 1 } },
  { name: 'describe', kind: 'describe', load: { operation: 'upsert', rows: 300, parts: 1 } },
  // A plain insert shows rows that are applied twice.
  { name: 'create', kind: 'create', load: INSERT },
  { name: 'upload', kind: 'upload', load: { ...INSERT, rows: 600, parts: 3 } },
  { name: 'close', kind: 'close', load: INSERT },
  { name: 'info', kind: 'info', load: { operation: 'upsert', rows: 600, parts: 3 } },
  {
    name: 'succeeded rows',
    kind: 'results',
    path: 'successfulResults',
    load: { operation: 'delete', rows: 200, parts: 1 },
  },
  {
    name: 'failed rows',
    kind: 'results',
    path: 'failedResults',
    load: { operation: 'keyed insert', rows: 300, parts: 1, locked: 20 },
  },
  {
    name: 'unprocessed rows',
    kind: 'results',
    path: 'unprocessedrecords',
    load: { operation: 'upsert', rows: 300, parts: 1, locked: 20 },
  },
  { name: 'abort', kind: 'abort', load: { operation: 'insert', rows: 4_000, parts: 1, recordsPerSecond: 300 } },
];

/** Not among the steps of a soak, so that its seeds give the same cases as before. */
const TOKEN: Step = { name: 'token', kind: 'token', load: INSERT };

export const FAULTS: Readonly<Record<string, FaultAction>> = {
  'HTTP 500': { status: 500 },
  'HTTP 503 with a page': { status: 503, html: '<html><title>Down for maintenance</title></html>' },
  'HTTP 429': { status: 429, headers: { 'retry-after': '2' } },
  'HTTP 403, requests used up': {
    status: 403,
    errorCode: 'REQUEST_LIMIT_EXCEEDED',
    message: 'TotalRequests Limit exceeded.',
  },
  'HTTP 401, token dead': 'deadToken',
  'reset before anything is done': 'reset',
  'reply lost': 'resetAfterApply',
  'reply cut off': { cutReply: 0.5 },
  'reply cut off within chunks': { cutReply: 0.5, framing: 'chunked' },
  'half of the reply, as if complete': 'truncateJson',
  // Replies of an intermediary, with any status.
  'an empty HTTP 406': { status: 406 },
  'HTTP 400 with a page': { status: 400, html: '<html><title>Bad request</title></html>' },
  'HTTP 404 with a page': { status: 404, html: '<html><title>Not found</title></html>' },
  'HTTP 302 to another host': { status: 302, headers: { location: 'https://login.example.com/' } },
  'HTTP 200 with an empty body': { status: 200 },
  'HTTP 200 with a page': { status: 200, html: '<html><title>Welcome</title></html>' },
  'HTTP 400, JSON without a code': { status: 400, json: { message: 'blocked by policy' } },
  // Occasional replies of the platform itself, which it does not repeat.
  'HTTP 404 NOT_FOUND': { status: 404, errorCode: 'NOT_FOUND', message: 'The requested resource does not exist' },
  'HTTP 400 INVALIDJOBSTATE': {
    status: 400,
    errorCode: 'INVALIDJOBSTATE',
    message: 'The job is not in a state that allows this, or its results are not yet available',
  },
  'HTTP 403, too many requests at once': {
    status: 403,
    errorCode: 'REQUEST_LIMIT_EXCEEDED',
    message: 'ConcurrentRequests (Concurrent API Requests) Limit exceeded.',
  },
  'HTTP 400 TXN_SECURITY_METERING_ERROR': {
    status: 400,
    errorCode: 'TXN_SECURITY_METERING_ERROR',
    message: 'The transaction security policy could not be evaluated in time.',
  },
  'HTTP 400 UNABLE_TO_LOCK_ROW': {
    status: 400,
    errorCode: 'UNABLE_TO_LOCK_ROW',
    message: 'unable to obtain exclusive access to this record',
  },
};

/** Canceled while it runs, so that there is an abort that can fail. */
const CANCEL: Trouble = { at: { kind: 'info', held: 'before' }, act: 'cancel' };

/** Leaves an unrecorded job Open: the load checks for it, which takes a minute. */
const LOSES_CREATE = [
  'reply lost',
  'reply cut off',
  'reply cut off within chunks',
  'half of the reply, as if complete',
];
/** Looks like an empty result: the counters reveal it a minute later. */
const LOOKS_EMPTY = 'HTTP 200 with an empty body';

export function faultCases(): Case[] {
  return [TOKEN, ...STEPS].flatMap((step) =>
    Object.entries(FAULTS).map(([name, action]) => {
      const isCsv = step.kind === 'results' && action === 'truncateJson';
      const isEmptyCsv = step.path !== undefined && step.path !== 'unprocessedrecords' && name === LOOKS_EMPTY;
      const losesCreate = step.kind === 'create' && LOSES_CREATE.includes(name);
      return {
        name: `${step.name}: ${name}`,
        load: step.load,
        faults: [faultAt(step, action)],
        ...(step.kind === 'abort' && { troubles: [CANCEL], ends: ['Canceled'] }),
        ...((isCsv || isEmptyCsv || losesCreate) && { slow: true }),
        looksForJobs: losesCreate,
      } satisfies Case;
    }),
  );
}

function faultAt({ kind, path }: Step, action: FaultAction, times = 1): Fault {
  return { kind, ...(path !== undefined && { path }), times, action };
}

function stepNamed(name: string): Step {
  return STEPS.find((step) => step.name === name) as Step;
}

/** Errors of jobs that fail as a whole although nothing is wrong with them. */
const JOB_FAILURES = [
  'InternalServerError : An unexpected error occurred',
  'TooManyLockFailure : Too many lock failure 200 Trying again later',
  'Unknown : Batch processing was retried more than 20 times',
  'SERVER_UNAVAILABLE : server too busy',
  'Timeout : ExceededTimeout',
];

/** Cases outside of the matrix. */
export function moreFaultCases(): Case[] {
  const upload = stepNamed('upload');
  const wide = { ...INSERT, rows: 2_000, bytesPerRow: 3_000 };
  const hangs: Case[] = [
    {
      name: 'create: never answered',
      load: INSERT,
      faults: [{ kind: 'create', action: 'hang' }],
      slow: true,
      looksForJobs: true,
    },
    { name: 'close: never answered', load: INSERT, faults: [{ kind: 'close', action: 'hang' }], slow: true },
    {
      name: 'close: done, never answered',
      load: INSERT,
      faults: [{ kind: 'close', action: { stallReply: 0 } }],
      slow: true,
    },
    { name: 'info: never answered', load: INSERT, faults: [{ kind: 'info', action: 'hang' }], slow: true },
    { name: 'upload: never answered', load: INSERT, faults: [{ kind: 'upload', action: 'hang' }], slow: true },
    {
      name: 'succeeded rows: stalled halfway',
      load: INSERT,
      faults: [{ kind: 'results', path: 'successfulResults', action: { stallReply: 0.5 } }],
      slow: true,
    },
    ...['successfulResults', 'failedResults'].map((path) => ({
      name: `${path}: cut off, but looks complete`,
      load: { ...INSERT, operation: 'keyed insert', locked: 20 } satisfies LoadPlan,
      faults: [{ kind: 'results', path, action: { cutReply: 0.5, framing: 'close' } } satisfies Fault],
      slow: true,
    })),
  ];
  const tokens = (['create', 'upload', 'info', 'results'] as const).map((kind) => ({
    name: `${kind}: the access token is dead until a worker has a new one`,
    load: INSERT,
    login: 'token' as const,
    faults: [{ kind, action: 'deadToken' } satisfies Fault],
    troubles: [{ at: { kind, delay: 3_000 }, act: 'newToken' } satisfies Trouble],
  }));
  return [
    ...hangs,
    ...tokens,
    ...[1, 0.5, 0.99].map((share) => ({
      name: `upload: connection reset ${share === 1 ? 'after the first byte' : `after ${share * 100} %`}`,
      load: share === 0.5 ? upload.load : wide,
      faults: [{ kind: 'upload', action: { resetUpload: share } } satisfies Fault],
    })),
    {
      name: 'upload: refused twice',
      load: upload.load,
      faults: [faultAt(upload, { status: 500 }, 2)],
      slow: true,
    },
    ...JOB_FAILURES.flatMap((errorMessage) =>
      (['insert', 'upsert'] as const).map((operation) => ({
        name: `job of an ${operation}: fails as a whole with ${errorMessage.split(' :')[0] ?? ''}`,
        load: { ...INSERT, operation },
        failsJob: { records: 0, errorMessage },
      })),
    ),
    {
      name: 'every read fails three times',
      load: { operation: 'upsert', rows: 300, parts: 1, locked: 10 },
      faults: (['versions', 'describe', 'info', 'results'] as const).map((kind) => ({
        kind,
        times: 3,
        action: { status: 503, html: '<html>busy</html>' },
      })),
    },
    {
      name: 'the first retry: create refused, upload lost, close lost',
      load: { operation: 'keyed insert', rows: 300, parts: 1, locked: 30 },
      faults: [
        { kind: 'create', after: 1, action: { status: 503 } },
        { kind: 'upload', after: 1, action: 'resetAfterApply' },
        { kind: 'close', after: 1, action: 'resetAfterApply' },
      ],
    },
  ];
}

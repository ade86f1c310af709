/** Kill × step: workers and Temporal servers that are killed while they are certainly inside a step. */
import type { Act, Case, LoadPlan, Moment } from './types.js';

const INSERT: LoadPlan = { operation: 'insert', rows: 300, parts: 1 };
const RETRIED: LoadPlan = { operation: 'keyed insert', rows: 300, parts: 1, locked: 30 };
const WIDE: LoadPlan = { ...INSERT, rows: 2_000, bytesPerRow: 3_000 };
const RUNNING: LoadPlan = { ...INSERT, rows: 4_000, recordsPerSecond: 400 };

interface Spot {
  name: string;
  at: Moment;
  load?: LoadPlan;
  slow?: boolean;
}

const SPOTS: readonly Spot[] = [
  { name: 'requests the versions', at: { kind: 'versions', held: 'before' } },
  { name: 'requests the fields', at: { kind: 'describe', held: 'before' }, load: { ...INSERT, operation: 'upsert' } },
  { name: 'creates a job', at: { kind: 'create', held: 'before' } },
  { name: 'has created a job but has no reply', at: { kind: 'create', held: 'after', delay: 1_000 }, slow: true },
  { name: 'has just created a job', at: { kind: 'create', held: 'after', delay: 0 }, slow: true },
  { name: 'begins an upload', at: { kind: 'upload', held: 'before' } },
  { name: 'is in the middle of an upload', at: { kind: 'upload', held: 'before', delay: 1_000 }, load: WIDE },
  { name: 'has just uploaded', at: { kind: 'upload', held: 'stored' } },
  { name: 'closes', at: { kind: 'close', held: 'before' } },
  { name: 'has closed but has no reply', at: { kind: 'close', held: 'after' } },
  { name: 'polls the job', at: { kind: 'info', held: 'before' } },
  { name: 'waits for the next poll', at: { kind: 'info', delay: 300 }, load: RUNNING },
  { name: 'fetches the succeeded rows', at: { kind: 'results', path: 'successfulResults', held: 'before' } },
  {
    name: 'is about to get the failed rows',
    at: { kind: 'results', path: 'failedResults', held: 'after' },
    load: RETRIED,
  },
  { name: 'fetches the unprocessed rows', at: { kind: 'results', path: 'unprocessedrecords', held: 'before' } },
  { name: 'has just fetched all rows', at: { kind: 'results', nth: 3, delay: 20 } },
  { name: 'sorts the failed rows', at: { kind: 'results', nth: 3, delay: 40 }, load: RETRIED },
  { name: 'creates the job of the retry', at: { kind: 'create', nth: 2, held: 'before' }, load: RETRIED },
  { name: 'uploads the retry', at: { kind: 'upload', nth: 2, held: 'before' }, load: RETRIED },
  { name: 'has closed the retry but has no reply', at: { kind: 'close', nth: 2, held: 'after' }, load: RETRIED },
  {
    name: 'fetches the rows of the retry',
    at: { kind: 'results', path: 'failedResults', nth: 2, held: 'before' },
    load: RETRIED,
  },
];

const killed = (spots: readonly Spot[], act: Act, what: string): Case[] =>
  spots.map(({ name, at, load = INSERT, slow }) => ({
    name: `${what} while it ${name}`,
    load,
    troubles: [{ at, act }],
    ...(slow && { slow, looksForJobs: true }),
  }));

const named = (...names: string[]): Spot[] => SPOTS.filter(({ name }) => names.includes(name));

const AT_REST = 'waits for the next poll';

/** A create that never returns delays a worker's shutdown. */
const HANGING_CREATE: Case = {
  name: 'worker stopped by SIGTERM while a create hangs',
  load: INSERT,
  faults: [{ kind: 'create', action: 'hang' }],
  troubles: [{ at: { kind: 'create' }, act: 'term' }],
  slow: true,
  looksForJobs: true,
};

/** Their jobs have their own type, and so another list in which to search for lost ones. */
const BIG: LoadPlan = { ...INSERT, object: 'Reading__b', parts: 2 };
const CREATED_UNHEARD = { slow: true, looksForJobs: true };
const BIG_OBJECT_CASES: readonly Case[] = [
  ...killed(
    SPOTS.filter(({ name }) =>
      ['has created a job but has no reply', 'begins an upload', 'has closed but has no reply'].includes(name),
    ).map((spot) => ({ ...spot, load: BIG })),
    'kill',
    'big object: worker killed',
  ).map((one) => (one.name.includes('create') ? { ...one, ...CREATED_UNHEARD } : one)),
  {
    name: 'big object: reply to the create lost',
    load: BIG,
    faults: [{ kind: 'create', action: 'resetAfterApply' }],
    ...CREATED_UNHEARD,
  },
  { name: 'big object: reply to the close lost', load: BIG, faults: [{ kind: 'close', action: 'resetAfterApply' }] },
];

function moreKills(): Case[] {
  const threeParts: LoadPlan = { ...INSERT, rows: 600, parts: 3 };
  const twice = (name: string, first: Moment, second: Moment, load = INSERT): Case => ({
    name,
    load,
    troubles: [
      { at: first, act: 'kill' },
      { at: second, act: 'kill' },
    ],
  });
  return [
    twice(
      'worker killed twice, each time in the upload',
      { kind: 'upload', held: 'before' },
      { kind: 'upload', nth: 2, held: 'before' },
    ),
    twice(
      'worker killed twice, each time while it closes',
      { kind: 'close', held: 'after' },
      { kind: 'info', held: 'before' },
    ),
    twice(
      'worker killed in the upload and in the download',
      { kind: 'upload', held: 'before' },
      { kind: 'results', path: 'successfulResults', held: 'after' },
      { ...INSERT, operation: 'keyed insert' },
    ),
    twice(
      'worker killed in the second of three uploads and the last close',
      { kind: 'upload', nth: 2, held: 'before' },
      { kind: 'close', nth: 3, held: 'after' },
      threeParts,
    ),
    {
      name: 'worker killed, back after 15 s, while it polls three jobs',
      load: { ...threeParts, operation: 'upsert' },
      troubles: [{ at: { kind: 'info', nth: 2, held: 'before' }, act: 'killLater' }],
    },
    {
      name: 'worker killed, back after 15 s, in the close',
      load: INSERT,
      troubles: [{ at: { kind: 'close', held: 'after' }, act: 'killLater' }],
    },
    {
      name: 'worker killed while it aborts the job of a failed upload',
      load: INSERT,
      faults: [{ kind: 'upload', action: 'resetAfterApply' }],
      troubles: [{ at: { kind: 'abort', held: 'after' }, act: 'kill' }],
    },
    {
      name: 'worker killed while it deletes',
      load: { operation: 'delete', rows: 200, parts: 1 },
      troubles: [{ at: { kind: 'close', held: 'after' }, act: 'kill' }],
    },
    ...(['before', 'after'] as const).map((held) => ({
      name: `worker killed ${held} the abort of a load that is canceled`,
      load: RUNNING,
      ends: ['Canceled' as const],
      troubles: [
        { at: { kind: 'info', held: 'before' } satisfies Moment, act: 'cancel' as const },
        { at: { kind: 'abort', held } satisfies Moment, act: 'kill' as const },
      ],
    })),
  ];
}

export function killCases(): Case[] {
  return [
    ...killed(SPOTS, 'kill', 'worker killed'),
    ...moreKills(),
    ...BIG_OBJECT_CASES,
    HANGING_CREATE,
    ...killed(named(AT_REST, 'begins an upload', 'closes', 'polls the job'), 'term', 'worker stopped by SIGTERM'),
    ...killed(
      SPOTS.filter(({ slow, at }) => slow !== true && at.held !== 'stored').map(({ name, at, load = INSERT }) => ({
        name,
        // Not held: the worker lives, and its request is answered while no server is running.
        at: { kind: at.kind, ...(at.path !== undefined && { path: at.path }), nth: at.nth ?? 1, delay: 0 },
        load,
      })),
      'killServer',
      'Temporal server killed',
    ),
    ...killed(
      named(
        'requests the fields',
        'creates a job',
        'begins an upload',
        'has closed but has no reply',
        AT_REST,
        'fetches the succeeded rows',
        'uploads the retry',
      ),
      'killBoth',
      'Temporal server and worker killed',
    ),
  ];
}

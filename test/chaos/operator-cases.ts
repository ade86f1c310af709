/** Operators who cancel, terminate and reset workflows while these are inside a step. */
import type { Act, Case, LoadPlan, Moment } from './types.js';

const INSERT: LoadPlan = { operation: 'insert', rows: 300, parts: 1 };
const RETRIED: LoadPlan = { ...INSERT, locked: 30 };
const RUNNING: LoadPlan = { ...INSERT, rows: 4_000, recordsPerSecond: 400 };

const SLOW = { slow: true };

interface Spot {
  name: string;
  at: Moment;
  load?: LoadPlan;
}

const CANCELLED_AT: readonly Spot[] = [
  { name: 'while the fields are requested', at: { kind: 'describe', held: 'before' } },
  { name: 'while a job is created', at: { kind: 'create' } },
  { name: 'while it uploads', at: { kind: 'upload', held: 'before' }, load: { ...INSERT, rows: 600, parts: 3 } },
  {
    name: 'in the middle of an upload',
    at: { kind: 'upload', held: 'before', delay: 1_000 },
    load: { ...INSERT, rows: 2_000, bytesPerRow: 3_000 },
  },
  { name: 'when an upload is stored', at: { kind: 'upload', held: 'stored' } },
  { name: 'before the close', at: { kind: 'close', held: 'before' } },
  { name: 'after the close', at: { kind: 'close', held: 'after' } },
  { name: 'while the job runs', at: { kind: 'info', nth: 2 }, load: RUNNING },
  {
    name: 'while the first batch of two runs',
    at: { kind: 'info', nth: 2 },
    load: { ...INSERT, rows: 15_000, recordsPerSecond: 4_000 },
  },
  {
    name: 'while two parts of three run',
    at: { kind: 'info', nth: 3 },
    load: { operation: 'upsert', rows: 3_000, parts: 3, recordsPerSecond: 300 },
  },
  { name: 'while the retry is uploaded', at: { kind: 'upload', nth: 2, held: 'before' }, load: RETRIED },
  { name: 'while the retry is closed', at: { kind: 'close', nth: 2, held: 'after' }, load: RETRIED },
];

function spot(name: string, at: Moment, act: Act, load = INSERT, more: Partial<Case> = {}): Case {
  return { name, load, troubles: [{ at, act }], ...more };
}

export function operatorCases(): Case[] {
  const cancelled = CANCELLED_AT.map(({ name, at, load = INSERT }) =>
    spot(`load canceled ${name}`, at, 'cancel', load, { ends: ['Canceled'] }),
  );
  const cancelledInDownload = spot('load canceled while rows are refused', { kind: 'results' }, 'cancel', INSERT, {
    ends: ['Canceled'],
    faults: [{ kind: 'results', times: 4, action: { status: 503 } }],
  });
  const part = 'part-1';
  const round = 'retry/round-1/part-1';
  const terminated = [
    spot('part terminated while its job is created', { kind: 'create' }, { terminate: part }, INSERT, {
      slow: true,
      looksForJobs: true,
    }),
    spot('part terminated while it uploads', { kind: 'upload', held: 'before' }, { terminate: part }),
    spot('part terminated when its upload is stored', { kind: 'upload', held: 'stored' }, { terminate: part }),
    spot('part terminated while it closes', { kind: 'close', held: 'after' }, { terminate: part }),
    spot('part terminated while its job runs', { kind: 'info', nth: 2 }, { terminate: part }, RUNNING),
    spot('part terminated while rows are fetched', { kind: 'results', held: 'before' }, { terminate: part }),
    spot(
      'retry terminated while it uploads',
      { kind: 'upload', nth: 2, held: 'before' },
      { terminate: 'retry' },
      RETRIED,
    ),
    spot('retry terminated while its job runs', { kind: 'info', nth: 2 }, { terminate: 'retry' }, RETRIED),
    spot(
      'part of the retry terminated in its close',
      { kind: 'close', nth: 2, held: 'after' },
      { terminate: round },
      RETRIED,
    ),
    ...[
      { name: 'while it uploads', at: { kind: 'upload', held: 'before' } satisfies Moment },
      { name: 'while its job runs', at: { kind: 'info', nth: 2 } satisfies Moment },
    ].map(({ name, at }) => spot(`load terminated ${name}`, at, { terminate: '' }, RUNNING, { ends: ['terminated'] })),
  ];
  const resets = (['first', 'last'] as const).flatMap((to) => [
    spot(`load reset to its ${to} task while its job runs`, { kind: 'info', nth: 2 }, { reset: '', to }, RUNNING),
    // The upload of the earlier run ends after five minutes of silence, not before.
    spot(
      `load reset to its ${to} task while it uploads`,
      { kind: 'upload', held: 'before' },
      { reset: '', to },
      INSERT,
      SLOW,
    ),
    spot(`part reset to its ${to} task while it uploads`, { kind: 'upload', held: 'before' }, { reset: part, to }),
    spot(`part reset to its ${to} task after the close`, { kind: 'close', held: 'after' }, { reset: part, to }),
    spot(`part reset to its ${to} task while its job runs`, { kind: 'info', nth: 2 }, { reset: part, to }, RUNNING),
    spot(`load reset to its ${to} task during the retry`, { kind: 'upload', nth: 2 }, { reset: '', to }, RETRIED),
    spot(
      `retry reset to its ${to} task while it uploads`,
      { kind: 'upload', nth: 2, held: 'before' },
      { reset: 'retry', to },
      RETRIED,
      SLOW,
    ),
  ]);
  const resetInCreate = spot(
    'part reset to its first task while its job is created',
    { kind: 'create' },
    { reset: part, to: 'first' },
    INSERT,
    { slow: true, looksForJobs: true },
  );
  const both: Case = {
    name: 'part terminated, then the worker killed while the next one polls',
    load: RUNNING,
    troubles: [
      { at: { kind: 'info', nth: 2 }, act: { terminate: part } },
      // The third one always arrives: it is the first one of the part that takes over.
      { at: { kind: 'info', nth: 3, held: 'before' }, act: 'kill' },
    ],
  };
  return [...cancelled, cancelledInDownload, ...terminated, ...resets, resetInCreate, both];
}

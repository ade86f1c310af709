/** Busy or gone: what a queue's pollers, its backlog and the heartbeats of its steps say. */
import { expect, it } from 'vitest';
import { attendanceOf, queueLine } from '../../src/cli/pollers.js';
import type { QueueFacts } from '../../src/cli/pollers.js';

const quiet: QueueFacts = { pollers: [], waiting: 0, oldestMs: 0, elsewhere: [], heartbeatMs: undefined };
const one = (idleMs: number) => [{ identity: '1@host', idleMs }];

it.each<[string, Partial<QueueFacts>, string]>([
  ['somebody polls and nothing waits', { pollers: one(20_000) }, 'served'],
  ['somebody polls and a task has just come', { pollers: one(20_000), waiting: 1, oldestMs: 2_000 }, 'served'],
  ['nobody has polled', {}, 'gone'],
  ['nobody has polled, and a task waits', { waiting: 1, oldestMs: 60_000 }, 'gone'],
  [
    'who polled has not polled since a task came: killed',
    { pollers: one(20_000), waiting: 1, oldestMs: 10_000 },
    'gone',
  ],
  [
    'the same, and a step of it still heartbeats',
    { pollers: one(20_000), waiting: 1, oldestMs: 10_000, heartbeatMs: 3_000 },
    'busy',
  ],
  [
    'the same, and its step fell silent',
    { pollers: one(20_000), waiting: 1, oldestMs: 10_000, heartbeatMs: 20_000 },
    'gone',
  ],
  ['it took other tasks since', { pollers: one(2_000), waiting: 9, oldestMs: 40_000 }, 'busy'],
  [
    'the same process polls another queue',
    { pollers: one(50_000), waiting: 1, oldestMs: 40_000, elsewhere: one(500) },
    'busy',
  ],
  [
    'another process polls another queue',
    { pollers: one(50_000), waiting: 1, oldestMs: 40_000, elsewhere: [{ identity: '2@host', idleMs: 500 }] },
    'gone',
  ],
  [
    'all slots taken for so long that Temporal forgot the poller',
    { waiting: 2, oldestMs: 400_000, heartbeatMs: 4_000 },
    'busy',
  ],
  ['the same, and nothing waits', { heartbeatMs: 4_000 }, 'served'],
  ['last polled minutes ago', { pollers: one(200_000) }, 'gone'],
])('%s', (_what, facts, attendance) => {
  expect(attendanceOf({ ...quiet, ...facts })).toBe(attendance);
});

it('only for a queue that nobody polls is a person asked to start a worker', () => {
  const state = { queue: 'q', waiting: 2, oldestMs: 41_000 };
  expect(queueLine({ ...state, attendance: 'gone' }, true)).toMatch(/^No worker polls .*start `nightload worker`/);
  const busy = queueLine({ ...state, attendance: 'busy' }, false);
  expect(busy).toMatch(/"q" are busy: 2 tasks wait, the oldest for 41 s/);
  expect(busy).not.toContain('start `nightload worker`');
});

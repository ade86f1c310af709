/** Busy or gone: what a task queue's pollers, its backlog and the heartbeats of its steps show. */
import { expect, it } from 'vitest';
import { serviceOf, filesPlaceOf, queueLine } from '../../../../../src/cli/shared/stuck-loads/task-queues.js';
import type { QueueFacts } from '../../../../../src/cli/shared/stuck-loads/task-queues.js';
import { otherQueuesOf } from '../../../../../src/domain/file-groups.js';

const quiet: QueueFacts = { pollers: [], waiting: 0, oldestMs: 0, elsewhere: [], heartbeatMs: undefined };
const one = (idleMs: number) => [{ identity: '1@host', idleMs }];

it.each<[string, Partial<QueueFacts>, string]>([
  ['somebody polls and nothing waits', { pollers: one(20_000) }, 'served'],
  ['somebody polls and a task has just come', { pollers: one(20_000), waiting: 1, oldestMs: 2_000 }, 'served'],
  ['no worker has polled', {}, 'none'],
  ['no worker has polled, and a task waits', { waiting: 1, oldestMs: 60_000 }, 'none'],
  [
    'who polled has not polled since a task came: killed',
    { pollers: one(20_000), waiting: 1, oldestMs: 10_000 },
    'none',
  ],
  [
    'the same, and a step of it still heartbeats',
    { pollers: one(20_000), waiting: 1, oldestMs: 10_000, heartbeatMs: 3_000 },
    'busy',
  ],
  [
    'the same, and its step fell silent',
    { pollers: one(20_000), waiting: 1, oldestMs: 10_000, heartbeatMs: 20_000 },
    'none',
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
    'none',
  ],
  [
    'all slots taken for so long that Temporal forgot the poller',
    { waiting: 2, oldestMs: 400_000, heartbeatMs: 4_000 },
    'busy',
  ],
  ['the same, and nothing waits', { heartbeatMs: 4_000 }, 'served'],
  ['last polled minutes ago', { pollers: one(200_000) }, 'none'],
])('%s', (_what, facts, service) => {
  expect(serviceOf({ ...quiet, ...facts })).toBe(service);
});

it('asks people to start a worker only for a task queue without pollers', () => {
  const state = { queue: 'q', waiting: 2, oldestMs: 41_000 };
  expect(queueLine({ ...state, service: 'none', files: { filesQueue: 'q' } })).toMatch(
    /^No worker polls .*start `nightload worker`/,
  );
  const busy = queueLine({ ...state, service: 'busy' });
  expect(busy).toMatch(/"q" are busy: 2 tasks wait, the oldest for 41 s/);
  expect(busy).not.toContain('start `nightload worker`');
});

it('workers of a version of a deployment that has no current version: says how to make it current', () => {
  const notCurrent = { deploymentName: 'nightload', buildId: '1.2.0' };
  expect(queueLine({ queue: 'q', waiting: 1, oldestMs: 9_000, service: 'none', notCurrent })).toMatch(
    /^The workers of the task queue "q" .* no version is current.*--deployment-name nightload --build-id 1\.2\.0`\.$/,
  );
});

it('names a host that now uses another folder, with a remedy; without one, names only the task queue', () => {
  const files = { filesQueue: 'q-files-old' };
  const gone = { queue: 'q-files-old', service: 'none', waiting: 1, oldestMs: 9_000, files } as const;
  const elsewhere = queueLine({ ...gone, host: { name: 'host-a', otherQueues: ['q-files-new'] } });
  expect(elsewhere).toMatch(/^No worker polls the task queue "q-files-old".* on the host host-a with the same/);
  expect(elsewhere).toMatch(/host-a now serves another folder \("q-files-new"\).*restore it, or cancel the load/);
  expect(queueLine({ ...gone, files: { ...files, connection: 'acme' } })).toMatch(
    /NIGHTLOAD_FILE_ROOTS as before and the connection "acme"\.$/,
  );
  expect(queueLine({ ...gone, files: { filesQueue: 'q-files-objects' } })).toMatch(/NIGHTLOAD_S3_ROOTS as before\.$/);
  expect(queueLine({ ...gone, host: { name: 'host-a', otherQueues: [] } })).not.toContain('another folder');
});

it('a host uses another folder only if it polls its task queue', () => {
  const groups = [
    { queue: 'q-files-new', hosts: ['host-a', 'host-c'] },
    { queue: 'q-files-old', hosts: ['host-a'] },
    { queue: 'q-files-z', hosts: ['host-b'] },
  ];
  expect(otherQueuesOf('host-a', groups, 'q-files-old')).toEqual(['q-files-new']);
  expect(otherQueuesOf('host-d', groups, 'q-files-old')).toEqual([]);
});

it('a recorded host name is shown only if it is a valid one', () => {
  const place = (host: unknown) =>
    filesPlaceOf({ memo: { nightloadFilesQueue: 'q-files-x', nightloadFilesHost: host } });
  expect(place('host-a').filesHost).toBe('host-a');
  for (const odd of [undefined, 7, '', 'a\u001b[2Jb', 'x'.repeat(200)]) expect(place(odd).filesHost).toBeUndefined();
});

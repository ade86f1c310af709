import { expect, it } from 'vitest';
import { untakenStep } from '../../../../src/domain/text/missing-workers.js';

const files = { filesQueue: 'q-files-1', host: 'host-a' };
const objects = { filesQueue: 'q-files-objects', connection: 'eu' };
const START = 'start `nightload worker` on the host host-a with the same NIGHTLOAD_FILE_ROOTS as before';

it.each([
  ['no host of the folder runs', files, [], `a worker of the task queue "q-files-1": none polls it, so ${START}`],
  [
    'it ended minutes ago',
    files,
    [{ queue: 'q-files-1', hosts: ['host-a'], away: true }],
    `a worker of the task queue "q-files-1": none polls it, so ${START}`,
  ],
  [
    'it ended minutes ago, and only the list still names it',
    { filesQueue: 'q-files-1' },
    [{ queue: 'q-files-1', hosts: ['host-a'], away: true }],
    `a worker of the task queue "q-files-1": none polls it, so ${START}`,
  ],
  [
    'the hosts are busy',
    files,
    [{ queue: 'q-files-1', hosts: ['host-a', 'host-b'] }],
    'a worker of the task queue "q-files-1": those on host-a/host-b are busy',
  ],
  [
    'uploads of a connection',
    { ...files, connection: 'eu' },
    [{ queue: 'q-files-1', hosts: [] }],
    'a worker of the task queue "q-files-1-uploads-eu": those on q-files-1 are busy, or lack the connection "eu"',
  ],
  ['Temporal lists no pollers', files, undefined, `a worker of the task queue "q-files-1": if none runs, ${START}`],
  [
    'objects',
    objects,
    [{ queue: 'q-files-1', hosts: ['host-a'] }],
    'a worker of the task queue "q-files-objects-uploads-eu": if none runs, start `nightload worker` with the same ' +
      'NIGHTLOAD_S3_ROOTS as before and the connection "eu"',
  ],
])('%s', (_what, place, groups, text) => {
  expect(untakenStep(place, groups)).toBe(text);
});

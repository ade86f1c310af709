import fc from 'fast-check';
import { expect, it } from 'vitest';
import { sharedQueueOf, uploadsQueueOf } from '../../../src/domain/file-groups.js';
import { orgKey, taskPriority } from '../../../src/domain/task-priority.js';

it('an ordinary connection is its own key; any other gets a short, plain one of its own', () => {
  expect(orgKey('acme-eu.1')).toBe('acme-eu.1');
  expect(orgKey('Zürich')).toMatch(/^Z-rich-[0-9a-f]{8}$/);
  expect(orgKey('Zürich')).not.toBe(orgKey('Zörich'));
  expect(orgKey('a'.repeat(250))).not.toBe(orgKey('a'.repeat(251)));
  fc.assert(fc.property(fc.string({ maxLength: 300 }), (name) => /^[A-Za-z0-9._-]{1,40}$/.test(orgKey(name))));
});

it.each([
  [{ source: 'file:///a.csv', object: 'Account' }, { fairnessKey: 'default' }],
  [
    { connection: 'eu', priority: 1 },
    { fairnessKey: 'eu', priorityKey: 1 },
  ],
  [{ connection: 'eu', priority: 9 }, { fairnessKey: 'eu' }],
  [{ org: 'acme.my.salesforce.com', rules: {} }, { fairnessKey: 'acme.my.salesforce.com' }],
  ['eu', { fairnessKey: 'eu' }],
  [{ connection: 7 }, undefined],
  [undefined, undefined],
  [null, undefined],
])('%j', (input, priority) => {
  expect(taskPriority(input)).toEqual(priority);
});

it('an org has a queue for its uploads, next to the queue of the files', () => {
  expect(uploadsQueueOf('q-files-1', 'eu')).toBe('q-files-1-uploads-eu');
  expect(uploadsQueueOf('q', 'eu')).toBe('q');
});

it.each([
  ['a-files-b-files-1', 'a-files-b'],
  ['a-files-b-files-1-uploads-eu', 'a-files-b'],
  ['a-files-b-files-objects', 'a-files-b'],
  ['a-files-b-files-objects-uploads-eu', 'a-files-b'],
  ['a-files-b', 'a-files-b'],
  ['a-files-b-files-1-other', 'a-files-b-files-1-other'],
])('steps on %s belong to loads on %s', (queue, shared) => {
  expect(sharedQueueOf(queue, 'a-files-b-files-1')).toBe(shared);
});

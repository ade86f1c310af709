/** What an attempt believes of the one before it. */
import { expect, it } from 'vitest';
import { heartbeatBefore } from '../../../src/activities/heartbeat.js';

const least = { requests: { total: 3, info: 1 }, bytes: 0 };

it.each([
  ['the least', least],
  ['a lost create', { ...least, memory: { lostCreates: [{ from: 1, to: 2 }], askedAt: 5 } }],
  ['fetched files', { ...least, bytesTotal: 9, memory: { fetched: { failedResults: 4 } } }],
  ['a refusal', { ...least, refusal: { code: 'NOT_FOUND', since: 7 } }],
])('reads %s', (_what, details) => {
  expect(heartbeatBefore(details)).toEqual(details);
});

it.each([
  ['nothing', undefined],
  ['null', null],
  ['an empty object', {}],
  ['a text', 'x'],
  ['no counts', { requests: {}, bytes: 0 }],
  ['counts below zero', { ...least, requests: { total: -1, info: 0 } }],
  ['a memory that is a list', { ...least, memory: [] }],
  ['lost creates that are text', { ...least, memory: { lostCreates: 'x' } }],
  ['too many lost creates', { ...least, memory: { lostCreates: Array(10_001).fill({ from: 1, to: 2 }) } }],
  ['rows of an unknown file', { ...least, memory: { fetched: { other: 1 } } }],
])('takes %s for no heartbeat', (_what, details) => {
  expect(heartbeatBefore(details)).toBeUndefined();
});

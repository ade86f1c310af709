import { expect, it } from 'vitest';
import { eventOfEnd } from '../../../../src/workflows/notify/event-of-end.js';

const noFile = { state: 'Failed', error: { code: 'SOURCE_NOT_FOUND', message: 'It did not appear.' } } as const;

it.each([
  ['finished', { state: 'Completed' }, true],
  ['rejected', { state: 'CompletedWithRejects' }, true],
  ['canceled', { state: 'Canceled', error: noFile.error }, true],
  ['failed', { state: 'Failed', error: { code: 'CIRCUIT_OPEN', message: 'Too many rows failed.' } }, true],
  ['failed', noFile, false],
  ['notStarted', noFile, true],
] as const)('%s', (event, end, isScheduled) => {
  expect(eventOfEnd(end, { isScheduled })).toBe(event);
});

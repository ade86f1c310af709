import { WorkflowUpdateFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { expect, it } from 'vitest';
import { refusalOf } from '../../../../src/client/answers/refusal.js';

const refusal = (message: string, type: string | undefined): { code: string; message: string } =>
  refusalOf('bulk-load/x', new WorkflowUpdateFailedError('failed', ApplicationFailure.nonRetryable(message, type)));

it.each(['', '\u001b[2J', 'a b', 'x'.repeat(200)])('a refusal of the type %j is no load’s', (type) => {
  const { code, message } = refusal('its words', type);
  expect(code).toBe('LOAD_UNREADABLE');
  expect(message).toContain('The answer of bulk-load/x to the update `submitCorrections`');
  expect(message).not.toContain('its words');
});

it.each([
  ['LOAD_NOT_HOLDING', 'LOAD_NOT_HOLDING'],
  ['UNEXPECTED', 'UNEXPECTED'],
  ['TypeError', 'CORRECTIONS_REFUSED'],
])('a refusal of the type %s is %s, with its message', (type, code) => {
  expect(refusal('its\nwords', type)).toMatchObject({ code, message: 'its words' });
});

import {
  ActivityFailure,
  ApplicationFailure,
  CancelledFailure,
  ChildWorkflowFailure,
  RetryState,
  TerminatedFailure,
  TimeoutFailure,
  TimeoutType,
} from '@temporalio/common';
import { describe, expect, it } from 'vitest';
import { NightloadError } from '../../../src/errors.js';
import { mayPassLater, requestsOf, toLoadError } from '../../../src/domain/failures.js';

const inActivity = (cause?: Error): Error =>
  new ActivityFailure('Activity task failed', 'uploadPart', '5', RetryState.NON_RETRYABLE_FAILURE, 'worker-1', cause);
const inChild = (cause?: Error): Error =>
  new ChildWorkflowFailure(
    'default',
    { workflowId: 'w', runId: 'r' },
    'ingestJob',
    RetryState.MAXIMUM_ATTEMPTS_REACHED,
    cause,
  );
const refused = ApplicationFailure.create({ type: 'INVALID_FIELD', message: 'No such field.', nonRetryable: true });
const passing = ApplicationFailure.create({ type: 'UNAVAILABLE', message: 'Later.' });
const timeout = (type: keyof typeof TimeoutType = 'HEARTBEAT', details?: unknown): TimeoutFailure =>
  new TimeoutFailure('activity Heartbeat timeout', details, TimeoutType[type]);

const wrappings: [string, (cause: Error) => Error][] = [
  ['bare', (cause) => cause],
  ['of an activity', inActivity],
  ['of a child', inChild],
  ['of an activity in a child', (cause) => inChild(inActivity(cause))],
  ['of an activity in a child of a child', (cause) => inChild(inChild(inActivity(cause)))],
];

describe.each(wrappings)('a failure %s', (_name, wrap) => {
  it('keeps its code and its text', () => {
    expect(toLoadError(wrap(refused))).toEqual({ code: 'INVALID_FIELD', message: 'No such field.' });
    expect(toLoadError(wrap(new NightloadError('SOURCE_EMPTY', 'Nothing.')))).toEqual({
      code: 'SOURCE_EMPTY',
      message: 'Nothing.',
    });
    expect(toLoadError(wrap(new RangeError('Out of range')))).toEqual({ code: 'UNEXPECTED', message: 'Out of range' });
    expect(toLoadError(wrap(ApplicationFailure.create({ message: 'No type' })))).toEqual({
      code: 'UNEXPECTED',
      message: 'No type',
    });
  });

  it('shows whether it may be transient', () => {
    expect(mayPassLater(wrap(passing))).toBe(true);
    expect(mayPassLater(wrap(timeout()))).toBe(true);
    expect(mayPassLater(wrap(refused))).toBe(false);
    expect(mayPassLater(wrap(new CancelledFailure('canceled')))).toBe(false);
    expect(mayPassLater(wrap(new TerminatedFailure('terminated', undefined)))).toBe(false);
    expect(mayPassLater(wrap(new RangeError('Out of range')))).toBe(false);
  });

  it('shows how many requests it had made', () => {
    const requests = { total: 7, info: 3 };
    const application = ApplicationFailure.create({ type: 'X', message: 'x', details: [{ requests }] });
    expect(requestsOf(wrap(application))).toEqual(requests);
    expect(requestsOf(wrap(new CancelledFailure('canceled', [{ requests }])))).toEqual(requests);
    expect(requestsOf(wrap(timeout('HEARTBEAT', { requests, bytes: 9 })))).toEqual(requests);
  });
});

describe('toLoadError', () => {
  it('names the step that did not finish in time', () => {
    const { code, message } = toLoadError(inActivity(timeout('START_TO_CLOSE')));
    expect(code).toBe('STEP_TIMED_OUT');
    expect(message).toContain('uploadPart');
    expect(message).toContain('START_TO_CLOSE');
  });

  it('stops at the first failure with a code: deeper causes are details', () => {
    const deeper = ApplicationFailure.create({ type: 'OUTER', message: 'outer', cause: refused });
    expect(toLoadError(inActivity(deeper))).toEqual({ code: 'OUTER', message: 'outer' });
  });

  it.each<[unknown, string]>([
    ['a word', 'a word'],
    [undefined, 'undefined'],
    [null, 'null'],
    [{ toString: () => 'an object' }, 'an object'],
    [inActivity(), 'Activity task failed'],
  ])('has a text for any error: %s', (error, message) => {
    expect(toLoadError(error)).toEqual({ code: 'UNEXPECTED', message });
  });
});

describe('requestsOf', () => {
  it.each<[string, unknown]>([
    ['no details', refused],
    ['other details', ApplicationFailure.create({ message: 'x', details: ['text', { requests: { total: 9 } }] })],
    ['empty details', ApplicationFailure.create({ message: 'x', details: [null] })],
    ['no heartbeat', inActivity(timeout())],
    ['no failure of an activity', new Error('x')],
    ['an activity that never ran', inActivity()],
    ['no error', undefined],
  ])('is zero with %s', (_name, error) => {
    expect(requestsOf(error)).toEqual({ total: 0, info: 0 });
  });

  it('fills in missing values', () => {
    const half = ApplicationFailure.create({ message: 'x', details: [{ requests: { total: 4 } }] });
    expect(requestsOf(half)).toEqual({ total: 4, info: 0 });
  });
});

/**
 * Anyone who completes an activity in a worker's place can return anything: no workflow stops, and no worker ends
 * because of it.
 */
import { ApplicationFailure, defaultFailureConverter, defaultPayloadConverter } from '@temporalio/common';
import type { Payload } from '@temporalio/common';
import { describe, expect, it } from 'vitest';
import {
  payloadTrouble,
  refusedResult,
  resultTrouble,
  soundFailure,
} from '../../../../src/workflows/incoming/sound-payloads.js';
import type { FailureProto } from '../../../../src/workflows/incoming/sound-payloads.js';

const by = defaultPayloadConverter;
const payload = (data: string, encoding: string | undefined = 'json/plain'): Payload => ({
  metadata: encoding === undefined ? {} : { encoding: Buffer.from(encoding) },
  data: Buffer.from(data),
});
const deep = (levels: number): unknown => JSON.parse(`${'['.repeat(levels)}${']'.repeat(levels)}`) as unknown;

describe('a result', () => {
  it.each([
    ['nothing', undefined],
    ['a job', { value: { jobId: '7500000000000ZZAAA', lostCreates: [], aheadMs: 0 }, requests: { total: 1, info: 0 } }],
    ['5,000 titles', { warnings: ['x'.repeat(20_000)], titles: Array(5_000).fill('Größe 😀') }],
  ])('of the worker is used: %s', (_what, value) => {
    expect(resultTrouble(value)).toBeUndefined();
  });

  it.each([
    ['half a character', { filesQueue: '\ud800' }],
    ['half a character anywhere', { value: { files: [{ name: 'a\udc00b' }] } }],
    ['a text of 100,000 characters', { lostCreates: 'x'.repeat(100_000) }],
    ['60,000 entries', { lostCreates: Array(60_000).fill({ from: 1, to: 2 }) }],
    ['a hundred levels', deep(100)],
  ])('that is forged is not used: %s', (_what, value) => {
    expect(resultTrouble(value)).toEqual(expect.any(String));
  });

  it.each([
    ['truncated JSON', payload('{"a": 1')],
    ['an unknown encoding', payload('x', 'a/b')],
    ['no encoding', { data: Buffer.from('x') }],
  ])('that cannot be decoded is not used: %s', (_what, given) => {
    expect(payloadTrouble(given as Payload, by)).toBe('it cannot be decoded');
  });

  it('fails the activity permanently instead', () => {
    const error = defaultFailureConverter.failureToError(refusedResult('x') as never, by);
    expect(error).toMatchObject({ name: 'ActivityFailure', retryState: 'NON_RETRYABLE_FAILURE' });
    expect(error.cause).toBeInstanceOf(ApplicationFailure);
    expect(error.cause).toMatchObject({ type: 'INVALID_ACTIVITY_RESULT', nonRetryable: true });
  });
});

describe('a failure', () => {
  const failed = (cause: FailureProto): FailureProto => ({
    message: 'Activity task failed',
    activityFailureInfo: { activityType: { name: 'planLoad' }, activityId: '1' },
    cause,
  });
  const bad = { payloads: [payload('x', 'a/b')] };

  it.each([
    ['details of an error', { applicationFailureInfo: { type: 'X', details: bad } }],
    ['details of a cancel', { canceledFailureInfo: { details: bad } }],
    ['the last heartbeat', { timeoutFailureInfo: { lastHeartbeatDetails: bad } }],
    ['attributes', { encodedAttributes: payload('{"message'), applicationFailureInfo: { type: 'X' } }],
    [
      'attributes that are not an object',
      { encodedAttributes: payload('null'), applicationFailureInfo: { type: 'X' } },
    ],
    ['half characters', { message: '\ud800', stackTrace: '\ud800', applicationFailureInfo: { type: '\ud800' } }],
  ])('is read without invalid parts: %s', (_what, cause) => {
    const failure = failed({ message: 'x', ...cause });
    expect(soundFailure(failure, by)).toBe(true);
    expect(JSON.stringify(defaultFailureConverter.failureToError(failure as never, by).cause)).not.toMatch(/\\ud8/);
  });

  it('keeps readable details', () => {
    const details = { payloads: [payload('{"requests":{"total":3}}')] };
    const failure = failed({ message: 'x', applicationFailureInfo: { type: 'X', details } });
    soundFailure(failure, by);
    expect(defaultFailureConverter.failureToError(failure as never, by).cause).toMatchObject({
      details: [{ requests: { total: 3 } }],
    });
  });

  it('has no more causes than a person reads', () => {
    let failure: FailureProto = { message: 'x' };
    for (let n = 0; n < 1_000; n++) failure = { message: 'x', cause: failure };
    expect(soundFailure(failure, by)).toBe(true);
    expect(JSON.stringify(failure).length).toBeLessThan(1_000);
  });

  it('that the SDK cannot read is reported', () => {
    expect(soundFailure(failed({ message: 'x', activityFailureInfo: {} }), by)).toBe(false);
  });
});

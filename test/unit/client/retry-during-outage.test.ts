/** Waiting for Temporal, and the meaning of its errors. The errors have the SDK's format. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ServiceError, WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { expect, it } from 'vitest';
import { asLoadError } from '../../../src/cli/shared/output.js';
import { NightloadError } from '../../../src/errors.js';
import { keepAsking } from '../../../src/client/retry-during-outage.js';
import { plainText, withCauses } from '../../../src/domain/text/plain-text.js';
import { temporalError } from '../../../src/client/temporal-errors.js';

function grpc(code: number, details: string): Error {
  const cause = Object.assign(new Error(`${code} X: ${details}`), { code, details, metadata: {} });
  return new ServiceError('Failed to do it', { cause });
}
const native = (text: string): Error => Object.assign(new Error(text), { name: 'TransportError' });
const place = { address: 'temporal:7233', namespace: 'night' };
const down = grpc(14, 'No connection established. Last error: connect ECONNREFUSED 127.0.0.1:7233');

it.each([
  ['unknown namespace', grpc(5, 'Namespace night is not found.'), 'TEMPORAL_NAMESPACE_NOT_FOUND', false],
  [
    'unknown namespace, seen by a worker',
    native(
      'Namespace night was not found: Status { code: NotFound, message: "Namespace night is not found.", d: b"" }',
    ),
    'TEMPORAL_NAMESPACE_NOT_FOUND',
    false,
  ],
  [
    'unknown namespace, asked by the connection of a worker',
    Object.assign(new Error('Namespace night is not found.'), {
      name: 'ServiceError',
      code: 5,
      details: Buffer.from('x'),
      metadata: {},
    }),
    'TEMPORAL_NAMESPACE_NOT_FOUND',
    false,
  ],
  ['permission denied', grpc(7, 'Request unauthorized.'), 'TEMPORAL_PERMISSION_DENIED', false],
  ['unauthenticated', grpc(16, 'invalid token'), 'TEMPORAL_UNAUTHENTICATED', false],
  ['no connection', down, 'TEMPORAL_NOT_REACHABLE', true],
  ['no answer in time', grpc(4, 'Deadline exceeded after 2s'), 'TEMPORAL_NOT_REACHABLE', true],
  ['a call that the server broke off', grpc(1, 'context canceled'), 'TEMPORAL_NOT_REACHABLE', true],
  ['rate limit', grpc(8, 'namespace rate limit exceeded'), 'TEMPORAL_OVERLOADED', true],
  [
    'an input over the message limit',
    grpc(8, 'grpc: received message larger than max (5 vs. 4)'),
    'INPUT_TOO_LARGE',
    false,
  ],
  ['an input over the blob limit', grpc(3, 'Blob data size exceeds limit.'), 'INPUT_TOO_LARGE', false],
  ['a query that no worker took', grpc(4, 'query timed out before a worker could process it'), 'NO_WORKER', true],
  [
    'a query of a load whose tasks fail',
    grpc(9, 'Unable to query workflow due to Workflow Task in failed state.'),
    'WORKFLOW_TASK_FAILED',
    true,
  ],
  ['an error of the server', grpc(13, 'panic'), 'TEMPORAL_FAILED', true],
  ['another refusal', grpc(3, 'Invalid TaskQueue'), 'TEMPORAL_REFUSED', false],
])('a Temporal error gets a nightload code, its text and its cause: %s', (_what, error, code, retryable) => {
  const found = temporalError(error, place);
  expect(found).toMatchObject({ code, retryable });
  expect(found?.cause).toBe(error);
  if (code === 'TEMPORAL_NAMESPACE_NOT_FOUND')
    expect(found?.message).toMatch(/"night" does not exist on .*TEMPORAL_NAMESPACE/);
});

it("errors about a load, and errors that are not Temporal's, stay unchanged", () => {
  const failed = new WorkflowFailedError(
    'failed',
    ApplicationFailure.create({ message: 'x', type: 'UNBALANCED' }),
    'NON_RETRYABLE_FAILURE',
  );
  expect(temporalError(failed, place)).toBeUndefined();
  expect(temporalError(new TypeError('x'), place)).toBeUndefined();
  expect(temporalError(new NightloadError('SOURCE_NOT_FOUND', 'x'), place)).toBeUndefined();
  expect(temporalError(grpc(1, 'Cancelled on client'), place)).toBeUndefined();
});

it('external texts are one line, truncated, without control characters; unforeseen errors include their causes', () => {
  expect(plainText('a\u001b[31m\nb\u202e\u0007c')).toBe('a [31m b c');
  expect(plainText('x'.repeat(500))).toHaveLength(400);
  const error = new Error('outside', { cause: new Error('in\u0000side', { cause: new Error('outside') }) });
  expect(withCauses(error)).toBe('outside: in side');
  expect(asLoadError(error)).toEqual({ code: 'UNEXPECTED', message: 'outside: in side' });
});

/** A call that fails with each of these, then succeeds. */
function failing(...errors: Error[]): { call: () => Promise<string>; count: () => number } {
  let count = 0;
  return {
    call: () => {
      const error = errors[count++];
      return error === undefined ? Promise.resolve('answer') : Promise.reject(error);
    },
    count: () => count,
  };
}

function heard(): { told: string[]; onSilence: (error: NightloadError) => void; onAnswer: () => void } {
  const told: string[] = [];
  return { told, onSilence: ({ code }) => told.push(code), onAnswer: () => told.push('back') };
}

it('waits during a silence, and reports its start and its end once', async () => {
  const { told, ...hooks } = heard();
  const { call, count } = failing(down, grpc(4, 'slow'), grpc(8, 'rate limit'));
  expect(await keepAsking(call, { ...hooks, place })).toBe('answer');
  expect(count()).toBe(4);
  expect(told).toEqual(['TEMPORAL_NOT_REACHABLE', 'back']);
});

it('believes a refusal at once, but after a silence only if it lasts', async () => {
  const denied = grpc(7, 'Request unauthorized.');
  await expect(keepAsking(failing(denied).call, { place })).rejects.toMatchObject({
    code: 'TEMPORAL_PERMISSION_DENIED',
  });
  expect(await keepAsking(failing(down, denied).call, { place })).toBe('answer');
});

it('a wait ends at its limit or with its signal', async () => {
  const forever = (): Promise<never> => Promise.reject(down);
  await expect(keepAsking(forever, { place, limitMs: 300 })).rejects.toMatchObject({
    code: 'TEMPORAL_NOT_REACHABLE',
    message: expect.stringContaining('temporal:7233') as string,
  });
  const stop = new AbortController();
  const waiting = keepAsking(forever, { place, signal: stop.signal });
  await sleep(50);
  stop.abort();
  await expect(waiting).rejects.toThrow();
});

it('repeats a call that takes as long as a load only once Temporal responds', async () => {
  const { told, ...hooks } = heard();
  const check = failing(down);
  const { call, count } = failing(down);
  expect(await keepAsking(call, { ...hooks, place, check: check.call })).toBe('answer');
  expect([check.count(), count()]).toEqual([2, 2]);
  expect(told).toEqual(['TEMPORAL_NOT_REACHABLE', 'back']);
});

/** Sizes that gRPC refuses: the answer here, the request there. */
import { expect, it } from 'vitest';
import { isTooLarge, temporalError } from '../../../src/client/temporal-errors.js';

const status = (details: string): Error => Object.assign(new Error(details), { code: 8, details, metadata: {} });

it('an answer that is too large is not a request that is too large, nor an overloaded server', () => {
  const answer = status('Received message larger than max (5700000 vs 4194304)');
  expect(temporalError(answer)).toMatchObject({ code: 'TEMPORAL_ANSWER_TOO_LARGE', retryable: false });
  expect(isTooLarge(answer)).toBe(true);
  const request = status('grpc: received message larger than max (5700000 vs. 4194304)');
  expect(temporalError(request)).toMatchObject({ code: 'INPUT_TOO_LARGE' });
  expect(temporalError(status('namespace rate limit exceeded'))).toMatchObject({ code: 'TEMPORAL_OVERLOADED' });
  expect([request, new Error('x'), undefined].map(isTooLarge)).toEqual([false, false, false]);
});

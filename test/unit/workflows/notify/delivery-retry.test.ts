import { expect, it } from 'vitest';
import { afterFailedDelivery } from '../../../../src/workflows/notify/delivery-retry.js';

const KEYLESS = { attempt: 1, hasKey: false, waitedMs: 0 };
const LATER = { isRetryable: true, maybeSent: false };

it('tries again for hours, with growing delays', () => {
  const delays = [1, 2, 3, 4, 5, 50].map((attempt) => afterFailedDelivery(LATER, { ...KEYLESS, attempt }));
  expect(delays).toEqual([5, 15, 60, 300, 900, 900].map((seconds) => ({ kind: 'again', ms: seconds * 1_000 })));
  expect(afterFailedDelivery(LATER, { ...KEYLESS, attempt: 60, waitedMs: 13 * 3_600_000 })).toEqual({ kind: 'failed' });
});

it('does not repeat what a target refused for good', () => {
  expect(afterFailedDelivery({ isRetryable: false, maybeSent: false }, KEYLESS)).toEqual({ kind: 'failed' });
});

it('repeats what may have arrived only to targets that recognize a repetition', () => {
  const lost = { isRetryable: true, maybeSent: true };
  expect(afterFailedDelivery(lost, KEYLESS)).toEqual({ kind: 'unconfirmed' });
  expect(afterFailedDelivery(lost, { ...KEYLESS, hasKey: true })).toEqual({ kind: 'again', ms: 5_000 });
});

/** Delivers a message to one target, at most once unless the target recognizes a repetition. */
import { ActivityFailure, ApplicationFailure, TimeoutFailure } from '@temporalio/common';
import { log, sleep } from '@temporalio/workflow';
import type { Delivery, DeliveryFailure } from '../../protocol/activities/notify-types.js';
import { plainText } from '../../domain/text/plain-text.js';
import { time } from '../../domain/text/format.js';
import { sendActivities } from '../support/activity-options.js';
import { afterFailedDelivery } from './delivery-retry.js';

type Outcome = 'sent' | 'unconfirmed' | Pick<DeliveryFailure, 'code' | 'message'>;

export async function deliver(delivery: Delivery): Promise<Outcome> {
  const { target, message, hasKey } = delivery;
  const since = Date.now();
  for (let attempt = 1; ; attempt++) {
    try {
      await sendActivities.sendNotification.executeWithOptions({ summary: `tell ${target}: ${message.event}` }, [
        { target, message },
      ]);
      return 'sent';
    } catch (error) {
      const failure = failureOf(error);
      const next = afterFailedDelivery(failure, { attempt, hasKey, waitedMs: Date.now() - since });
      log.warn('A notification was not delivered', { target, code: failure.code, ...next });
      if (next.kind !== 'again') return next.kind === 'unconfirmed' ? 'unconfirmed' : failure;
      await sleep(next.ms, { summary: `${target}: next attempt in ${time(next.ms)}` });
    }
  }
}

interface FailedDelivery {
  code: string;
  message: string;
  /** The target may take it later. */
  isRetryable: boolean;
  /** A worker that was killed had noted that it was about to send. */
  maybeSent: boolean;
}

function failureOf(error: unknown): FailedDelivery {
  const cause = error instanceof ActivityFailure ? error.cause : error;
  if (cause instanceof TimeoutFailure) {
    const maybeSent = cause.lastHeartbeatDetails !== undefined && cause.lastHeartbeatDetails !== null;
    return { code: 'WORKER_LOST', message: 'The worker that was sending it ended.', isRetryable: true, maybeSent };
  }
  const found = cause instanceof ApplicationFailure ? cause : undefined;
  return {
    code: plainText(found?.type ?? 'UNEXPECTED', 100),
    message: plainText(found?.message ?? String(cause), 400),
    isRetryable: found?.nonRetryable !== true,
    maybeSent: false,
  };
}

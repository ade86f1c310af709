/** Delivers a message to one target, at most once unless the target recognizes a repetition. */
import { ActivityFailure, ApplicationFailure, TimeoutFailure } from '@temporalio/common';
import { log, sleep } from '@temporalio/workflow';
import { z } from 'zod';
import type { DeliveryNote } from '../../contract/notification.js';
import { defined } from '../../domain/defined.js';
import type { Delivery, DeliveryFailure } from '../../protocol/activities/notify-types.js';
import { plainText } from '../../domain/text/plain-text.js';
import { time } from '../../domain/text/format.js';
import { sendActivities } from '../support/activity-options.js';
import { afterFailedDelivery, GIVE_UP_MS, LATE_MS } from './delivery-retry.js';

type Outcome = 'sent' | 'unconfirmed' | Pick<DeliveryFailure, 'code' | 'message'>;

/** @param note receives what people should know before the end, and at an end that is not plain success */
export async function deliver(delivery: Delivery, note: (note: DeliveryNote) => void): Promise<Outcome> {
  const { target, message, hasKey } = delivery;
  const since = Date.now();
  let noted: DeliveryNote | undefined;
  const enter = (state: DeliveryNote['state'], code: string): void => {
    const at = iso(Date.now());
    const until = state === 'retrying' ? { until: iso(since + GIVE_UP_MS) } : {};
    noted = { event: message.event, target, since: iso(since), state, at, ...until, code };
    note(noted);
  };
  for (let attempt = 1; ; attempt++) {
    try {
      await sendActivities.sendNotification.executeWithOptions({ summary: `tell ${target}: ${message.event}` }, [
        { target, message },
      ]);
      if (noted !== undefined) enter('deliveredLate', noted.code);
      return 'sent';
    } catch (error) {
      const failure = failureOf(error);
      const next = afterFailedDelivery(failure, { attempt, hasKey, waitedMs: Date.now() - since });
      log.warn('A notification was not delivered', { target, code: failure.code, next: next.kind });
      if (next.kind === 'unconfirmed') {
        enter('unconfirmed', failure.code);
        return 'unconfirmed';
      }
      if (next.kind === 'failed') {
        enter('givenUp', failure.code);
        return failure;
      }
      const isLate = Date.now() + next.ms - since >= LATE_MS;
      if (isLate && noted?.code !== failure.code) enter('retrying', failure.code);
      await sleep(next.ms, { summary: `${target}: next attempt in ${time(next.ms)}` });
    }
  }
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

interface FailedDelivery {
  code: string;
  message: string;
  /** The target may take it later. */
  isRetryable: boolean;
  /** A worker that was killed had noted that it was about to send. */
  maybeSent: boolean;
  retryAfterMs?: number;
}

const NOT_DELIVERED = z.object({ maybeSent: z.boolean(), retryAfterMs: z.number().min(0).exactOptional() });

function failureOf(error: unknown): FailedDelivery {
  const cause = error instanceof ActivityFailure ? error.cause : error;
  if (cause instanceof TimeoutFailure) {
    const maybeSent = cause.lastHeartbeatDetails !== undefined && cause.lastHeartbeatDetails !== null;
    return { code: 'WORKER_LOST', message: 'The worker that was sending it ended.', isRetryable: true, maybeSent };
  }
  const found = cause instanceof ApplicationFailure ? cause : undefined;
  const { maybeSent, retryAfterMs } = NOT_DELIVERED.safeParse(found?.details?.[0]).data ?? { maybeSent: false };
  return {
    code: plainText(found?.type ?? 'UNEXPECTED', 100),
    message: plainText(found?.message ?? String(cause), 400),
    isRetryable: found?.nonRetryable !== true,
    maybeSent,
    ...defined({ retryAfterMs }),
  };
}

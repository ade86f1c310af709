/**
 * Sends one message to one target. Just before the message can no longer be taken back, that is noted with the server,
 * so that the workflow knows of a worker that was killed whether its message may have arrived.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import type { SendNotificationInput } from '../../protocol/activities/notify-types.js';
import { shown } from '../../domain/text/shown.js';
import { NightloadError } from '../../errors.js';
import type { ActivityDependencies } from '../dependencies.js';
import { toFailure } from '../to-failure.js';

const CHECKS = 20;
const CHECK_MS = 100;

export function sendNotification({ notifier }: ActivityDependencies): (input: SendNotificationInput) => Promise<void> {
  return async ({ target, message }) => {
    const { info, cancellationSignal: signal } = Context.current();
    try {
      if (notifier === undefined) {
        throw new NightloadError(
          'NOTIFY_NOT_CONFIGURED',
          `This worker has no notify file, so it cannot tell ${shown(target)}. Set NIGHTLOAD_NOTIFY on all workers of the task queue.`,
          { retryable: true },
        );
      }
      await notifier.send(target, message, { signal, aboutToSend: noteWithServer });
    } catch (error) {
      const isFinal = error instanceof NightloadError && !error.retryable;
      throw toFailure(error, { requests: { total: 0, info: 0 } }, info, isFinal);
    }
  };
}

/** The SDK sends the first heartbeat at once, but does not say when it has arrived. */
async function noteWithServer(): Promise<void> {
  const { client, info, heartbeat } = Context.current();
  const { workflowId, runId } = info.workflowExecution ?? { workflowId: '', runId: '' };
  heartbeat({ aboutToSend: true });
  for (let check = 0; check < CHECKS; check++) {
    const { raw } = await client.workflow.getHandle(workflowId, runId).describe();
    const own = raw.pendingActivities?.find(({ activityId }) => activityId === info.activityId);
    if ((own?.heartbeatDetails?.payloads ?? []).length > 0) return;
    await pause(CHECK_MS);
  }
  throw new NightloadError('NOTIFY_NOT_NOTED', 'Temporal did not record that a message is about to be sent.', {
    retryable: true,
  });
}

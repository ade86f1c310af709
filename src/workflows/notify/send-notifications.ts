/**
 * Sends the messages of one event of a load to the targets that the worker's rules name. A workflow of its own: targets
 * that do not answer are tried for hours, and the load never waits for them.
 */
import type { Delivery, NotifyFacts, NotifyResult, ReportPlace } from '../../protocol/activities/notify-types.js';
import { metrics } from '../support/metrics.js';
import { notifyActivities } from '../support/activity-options.js';
import { refuseUnlessChild } from '../support/started-by-load.js';
import { deliver } from './deliver.js';
import { DeliveryNotes } from './delivery-notes.js';

/** @param place where the report of the load is; absent without one */
export async function sendNotifications(facts: NotifyFacts, place?: ReportPlace): Promise<NotifyResult> {
  refuseUnlessChild('sendNotifications');
  const { deliveries } = await notifyActivities.routeNotification.executeWithOptions(
    { summary: `who is told that the load is ${facts.event}` },
    [facts],
  );
  const result: NotifyResult = { sent: [], unconfirmed: [], failed: [] };
  const notes = new DeliveryNotes(place);
  await Promise.all(deliveries.map((delivery) => enter(result, delivery, notes)));
  await notes.written();
  return result;
}

async function enter(result: NotifyResult, delivery: Delivery, notes: DeliveryNotes): Promise<void> {
  const { target } = delivery;
  const outcome = await deliver(delivery, (note) => notes.enter(note));
  metrics.add('nightload_notifications_total', 1, {
    target,
    outcome: typeof outcome === 'string' ? outcome : 'failed',
  });
  if (outcome === 'sent' || outcome === 'unconfirmed') result[outcome].push(target);
  else result.failed.push({ target, ...outcome });
}

/** Decides who gets the messages of an event, by the rules of the worker. */
import { Context } from '@temporalio/activity';
import type { NotifyMessage } from '../../contract/notification.js';
import type { Delivery, NotifyFacts } from '../../protocol/activities/notify-types.js';
import type { ActivityDependencies } from '../dependencies.js';
import { runActivity } from '../run-activity.js';
import { linkToSchedule, linkToWorkflow } from '../ui-links.js';
import { endedBadlyBefore, mostLanded } from './previous-end.js';

export function routeNotification({
  notifier,
  uiUrl,
}: ActivityDependencies): (input: NotifyFacts) => Promise<{ deliveries: Delivery[] }> {
  return runActivity(async (facts, { signal }) => {
    if (notifier === undefined) return { deliveries: [] };
    const { namespace } = Context.current().info;
    const messages = [facts];
    const recovery: NotifyFacts = { ...facts, id: `${facts.id}/recovered`, event: 'recovered' };
    const isWanted = isGoodEnd(facts) && notifier.recipients(recovery).length > 0;
    if (isWanted && (await endedBadlyBefore(facts, signal))) messages.push(recovery);
    const deliveries = messages.flatMap((about) => {
      const { waitedMs: _waited, ...message } = about;
      const linked: NotifyMessage = { ...message, ...linkOf(uiUrl, namespace, message) };
      return notifier.recipients(about).map((recipient) => ({ ...recipient, message: linked }));
    });
    return { deliveries };
  });
}

/** A load works again if it does what it is for, also if some of its rows need a person. */
function isGoodEnd({ event, records }: Pick<NotifyFacts, 'event' | 'records'>): boolean {
  return event === 'finished' || (event === 'rejected' && records !== undefined && mostLanded(records));
}

function linkOf(
  uiUrl: string | undefined,
  namespace: string,
  { workflowId, runId, dueAt, schedule = '' }: Pick<NotifyMessage, 'workflowId' | 'runId' | 'dueAt' | 'schedule'>,
): Pick<NotifyMessage, 'uiUrl'> {
  if (uiUrl === undefined) return {};
  // There is no load to show.
  if (dueAt !== undefined) return { uiUrl: linkToSchedule(uiUrl, namespace, schedule) };
  return { uiUrl: linkToWorkflow(uiUrl, namespace, { workflowId, runId }) };
}

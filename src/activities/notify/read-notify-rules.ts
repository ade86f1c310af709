/** Whether anybody is told about a load, for one that has not found its source yet. */
import { defined } from '../../domain/defined.js';
import type { NotifyAbout } from '../../protocol/activities/notify-types.js';
import type { ActivityDependencies } from '../dependencies.js';
import { runActivity } from '../run-activity.js';

export function readNotifyRules({
  notifier,
}: ActivityDependencies): (input: NotifyAbout) => Promise<{ waits?: number[] }> {
  return runActivity((about) => Promise.resolve(defined({ waits: notifier?.waits(about) })));
}

/** The workflow that watches the schedules of a task queue, and how it is told of a change. */
import { signal } from './definitions.js';

export const WATCHER = 'watchSchedules';

/** One per task queue: the workers of a queue have the same rules for messages. */
export function watcherIdOf(taskQueue: string): string {
  return `nightload-schedules/${taskQueue}`;
}

/** A schedule was created, changed, paused, resumed or deleted. */
export const schedulesChangedSignal = signal('schedulesChanged');

/**
 * Steps on files run only on workers that see them, which may all be gone. A step that no worker takes for a while is
 * scheduled again without that limit, and people are told what it waits for. A step that is taken costs nothing more.
 */
import { ActivityFailure, TimeoutFailure, TimeoutType } from '@temporalio/common';
import type { ActivityInterfaceFor, ActivityOptions } from '@temporalio/workflow';
import type { Activities } from '../../activities/index.js';
import { requestsOf } from '../../domain/failures.js';
import { untakenStep } from '../../domain/text/missing-workers.js';
import type { FilesPlace } from '../../domain/text/missing-workers.js';
import type { FileGroup } from '../../domain/file-groups.js';
import type { RequestCounts } from '../../protocol/activities/attempt-types.js';

/** Longer than busy workers usually need, so that the histories of loads in a queue do not grow. */
const UNTAKEN = '2m';

/** @param text the end of the sentence "waits for"; undefined once the step has ended */
export type TellWait = (text: string | undefined) => void;

interface WatchOptions {
  place: FilesPlace;
  tell: TellWait;
  /** Groups of workers that poll the load's queue. */
  listGroups: () => Promise<FileGroup[]>;
}

type Step = (options: ActivityOptions, args: unknown[]) => Promise<unknown>;

/** The same activities, whose steps tell when no worker takes them. */
export function tellingUntaken(
  activities: ActivityInterfaceFor<Activities>,
  options: WatchOptions,
): ActivityInterfaceFor<Activities> {
  return new Proxy(activities, {
    get(target, name) {
      const { executeWithOptions } = target[name as keyof Activities] as unknown as { executeWithOptions: Step };
      const watched: Step = (given, args) =>
        untilTaken((more) => executeWithOptions({ ...given, ...more }, args), options);
      return Object.assign((...args: unknown[]) => watched({}, args), { executeWithOptions: watched });
    },
  });
}

async function untilTaken(
  step: (more: Pick<ActivityOptions, 'scheduleToStartTimeout'>) => Promise<unknown>,
  { place, tell, listGroups }: WatchOptions,
): Promise<unknown> {
  let before: RequestCounts;
  try {
    return await step({ scheduleToStartTimeout: UNTAKEN });
  } catch (error) {
    if (!wasNeverTaken(error)) throw error;
    before = requestsOf(error);
  }
  let isWaiting = true;
  const say = (groups?: FileGroup[]): void => {
    if (isWaiting) tell(untakenStep(place, groups));
  };
  const steps = step({});
  say();
  listGroups().then(say, () => undefined);
  try {
    return withRequests(await steps, before);
  } finally {
    isWaiting = false;
    tell(undefined);
  }
}

/** Or a worker took it, was lost, and no other took the next attempt. */
function wasNeverTaken(error: unknown): boolean {
  const { cause } = error instanceof ActivityFailure ? error : {};
  return cause instanceof TimeoutFailure && cause.timeoutType === TimeoutType.SCHEDULE_TO_START;
}

/** Those of the attempts before count too. */
function withRequests(result: unknown, { total, info }: RequestCounts): unknown {
  const { requests } = (result ?? {}) as { requests?: RequestCounts };
  if (requests === undefined || total === 0) return result;
  return { ...(result as object), requests: { total: requests.total + total, info: requests.info + info } };
}

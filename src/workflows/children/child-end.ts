/**
 * The end of a child is one event. A reset can leave that event in the abandoned run, and then nothing would ever
 * report it: after a reset, and on cancellation, the child itself is checked.
 */
import { CancellationScope, condition } from '@temporalio/workflow';
import { defined } from '../../domain/defined.js';
import type { ChildStatus } from '../../protocol/activities/job-types.js';
import { childActivities } from '../support/activity-options.js';
import { summaryOf } from '../support/summary.js';

/** Waits before checks: the child first gets time to end by itself; a running one is checked less and less often. */
const CHECK_WAITS = ['5s', '1m', '5m'] as const;
const MAX_CHECK_WAIT = '10m';
/** The next regular check is too far away for a person who cancels. */
const CHECK_WAIT_AFTER_CANCEL = '1m';
/** After a cancellation, a child that cannot be checked is given up, so that the load ends within 15 minutes. */
const MAX_UNCHECKED_AFTER_CANCEL_MS = 600_000;
/** An end that was seen may be reported slightly later. */
const REPORTED_WITHIN = '5s';

/** The SDK's seed of the workflow's random numbers: a reset changes it, at the same place in each replay. */
export function randomSeed(): unknown {
  const { __TEMPORAL_ACTIVATOR__: activator } = globalThis as {
    __TEMPORAL_ACTIVATOR__?: { randomnessSeed?: unknown };
  };
  return activator?.randomnessSeed;
}

/** What is known about a child whose end was not reported. */
export interface Unreported<R> {
  /** The child's own result, if Temporal still has it. */
  result?: R;
  /** Jobs that the child reported. */
  jobIds: string[];
}

/** Undefined for anything but a result of the child's workflow. */
export type ReadResult<R> = (value: unknown) => R | undefined;

interface WatchedChild<R> {
  workflowId: string;
  /** `randomSeed()` from before the child was started. */
  seed: unknown;
  read: ReadResult<R>;
}

/** How a child ended: as reported, or as observed. */
export type ChildEnd<R> = { value: R } | { unreported: Unreported<R> };

/**
 * Awaits the end of a child, which must record on disk what it does.
 * @throws the child's failure
 */
export async function endOf<R>(result: Promise<R>, child: WatchedChild<R>): Promise<ChildEnd<R>> {
  const asked = CancellationScope.current();
  let ended = false;
  const reported = result
    .then((value): ChildEnd<R> => ({ value }))
    .finally(() => {
      ended = true;
    });
  // A result that is no longer awaited must not fail the workflow.
  reported.catch(() => undefined);
  // It waits for a cancellation, so that must not end it.
  const scope = await CancellationScope.nonCancellable(() => Promise.resolve(new CancellationScope()));
  const seen = scope.run(() => watch<R>(child, asked, () => ended));
  try {
    return await Promise.race([reported, seen.then((end) => end ?? reported)]);
  } finally {
    scope.cancel();
    await seen.catch(() => undefined);
  }
}

/** Undefined when the child's end was reported. */
async function watch<R>(
  { workflowId, seed, read }: WatchedChild<R>,
  asked: CancellationScope,
  isReported: () => boolean,
): Promise<ChildEnd<R> | undefined> {
  await condition(() => isReported() || asked.consideredCancelled || randomSeed() !== seed);
  let canceledAt: number | undefined;
  for (let n = 0; !isReported(); n++) {
    const canceled = asked.consideredCancelled;
    if (canceled) canceledAt ??= Date.now();
    const wait = (n > 0 && canceled ? CHECK_WAIT_AFTER_CANCEL : CHECK_WAITS[n]) ?? MAX_CHECK_WAIT;
    const isCut = (): boolean => isReported() || asked.consideredCancelled !== canceled;
    if (await condition(isCut, wait, { summary: summaryOf(`check ${workflowId}`) })) {
      n = -1;
      continue;
    }
    const child = await checkChild(workflowId);
    const isOver = canceledAt !== undefined && Date.now() - canceledAt >= MAX_UNCHECKED_AFTER_CANCEL_MS;
    if (child === undefined && !isOver) continue;
    if (child?.runs === true || (await condition(isReported, REPORTED_WITHIN))) continue;
    return { unreported: unreportedOf(child, read) };
  }
  return undefined;
}

function unreportedOf<R>(child: ChildStatus | undefined, read: ReadResult<R>): Unreported<R> {
  return { jobIds: child?.jobIds ?? [], ...defined({ result: read(child?.result) }) };
}

/** What can be known about a child that has ended, also after a cancellation. */
export async function findEnd<R>(workflowId: string, read: ReadResult<R>): Promise<Unreported<R>> {
  return unreportedOf(await CancellationScope.nonCancellable(() => checkChild(workflowId)), read);
}

/** Undefined when it cannot be checked: it is assumed to run, since the next check follows anyway. */
async function checkChild(workflowId: string): Promise<ChildStatus | undefined> {
  try {
    return await childActivities.describeChild.executeWithOptions(
      { summary: summaryOf(`check whether ${workflowId} has ended`) },
      [{ workflowId }],
    );
  } catch {
    return undefined;
  }
}

/**
 * The end of a child is one event. A reset can leave it behind in the run that it gave up, and then nothing would ever
 * tell: after a reset, and at a cancel, the child itself is looked at.
 */
import { CancellationScope, condition } from '@temporalio/workflow';
import type { ChildLook } from '../activities/types.js';
import { reading } from './steps.js';

/** Waits before looks: at first the child is given time to end by itself; one that runs is looked at ever more rarely. */
const LOOKS = ['5s', '1m', '5m'] as const;
const LATER_LOOKS = '10m';
/** An end that was seen may be told a little later. */
const TOLD_WITHIN = '5s';

/** What the SDK keeps of the workflow's random numbers: a reset gives it another one, at the same place in each replay. */
export function randomSeed(): unknown {
  const { __TEMPORAL_ACTIVATOR__: activator } = globalThis as {
    __TEMPORAL_ACTIVATOR__?: { randomnessSeed?: unknown };
  };
  return activator?.randomnessSeed;
}

/** How a child ended: `value` is absent when it has ended and its result cannot be had. */
export type ChildEnd<R> = { value: R } | { lost: true };

/**
 * Awaits the end of a child, which must be one that notes on disk what it does.
 * @param child.seed `randomSeed()` before it was asked to start
 * @throws what the child failed with
 */
export async function endOf<R>(
  result: Promise<R>,
  { workflowId, seed }: { workflowId: string; seed: unknown },
): Promise<ChildEnd<R>> {
  const asked = CancellationScope.current();
  let ended = false;
  const told = result
    .then((value): ChildEnd<R> => ({ value }))
    .finally(() => {
      ended = true;
    });
  // Whoever is not waited for any more must not end the workflow.
  told.catch(() => undefined);
  // A cancel is what it waits for, so that must not end it.
  const scope = await CancellationScope.nonCancellable(() => Promise.resolve(new CancellationScope()));
  const seen = scope.run(() => watch<R>({ workflowId, seed }, asked, () => ended));
  try {
    return await Promise.race([told, seen.then((end) => end ?? told)]);
  } finally {
    scope.cancel();
    await seen.catch(() => undefined);
  }
}

/** Undefined when the child's end was told. */
async function watch<R>(
  { workflowId, seed }: { workflowId: string; seed: unknown },
  asked: CancellationScope,
  isTold: () => boolean,
): Promise<ChildEnd<R> | undefined> {
  await condition(() => isTold() || asked.consideredCancelled || randomSeed() !== seed);
  for (let n = 0; !isTold(); n++) {
    const canceled = asked.consideredCancelled;
    const wait = LOOKS[n] ?? LATER_LOOKS;
    const isCut = (): boolean => isTold() || asked.consideredCancelled !== canceled;
    if (await condition(isCut, wait, { summary: `a look at ${workflowId}`.slice(0, 190) })) {
      n = -1;
      continue;
    }
    const child = await look(workflowId, asked.consideredCancelled);
    if (child.runs || (await condition(isTold, TOLD_WITHIN))) continue;
    return asked.consideredCancelled && child.result != null ? { value: child.result as R } : { lost: true };
  }
  return undefined;
}

/** A child that cannot be looked at is taken to run: the next look comes anyway. */
async function look(workflowId: string, withResult: boolean): Promise<ChildLook> {
  try {
    return await reading.describeChild.executeWithOptions({ summary: `has ${workflowId} ended?`.slice(0, 190) }, [
      { workflowId, withResult },
    ]);
  } catch {
    return { runs: true };
  }
}

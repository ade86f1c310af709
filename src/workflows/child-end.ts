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
/** Nobody who cancels wants to wait for the next of those. */
const LOOKS_AFTER_CANCEL = '1m';
/** After a cancel a child that cannot be looked at is given up, so that the load ends within its quarter of an hour. */
const UNSEEN_AFTER_CANCEL_MS = 600_000;
/** An end that was seen may be told a little later. */
const TOLD_WITHIN = '5s';

/** What the SDK keeps of the workflow's random numbers: a reset gives it another one, at the same place in each replay. */
export function randomSeed(): unknown {
  const { __TEMPORAL_ACTIVATOR__: activator } = globalThis as {
    __TEMPORAL_ACTIVATOR__?: { randomnessSeed?: unknown };
  };
  return activator?.randomnessSeed;
}

/** What is known of a child whose end was not told. */
export interface Untold<R> {
  /** Its own, where Temporal still has it. */
  result?: R;
  /** Jobs that it made known. */
  jobIds: string[];
}

/** How a child ended: as it told itself, or as was seen of it. */
export type ChildEnd<R> = { value: R } | { untold: Untold<R> };

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
  let canceledAt: number | undefined;
  for (let n = 0; !isTold(); n++) {
    const canceled = asked.consideredCancelled;
    if (canceled) canceledAt ??= Date.now();
    const wait = (n > 0 && canceled ? LOOKS_AFTER_CANCEL : LOOKS[n]) ?? LATER_LOOKS;
    const isCut = (): boolean => isTold() || asked.consideredCancelled !== canceled;
    if (await condition(isCut, wait, { summary: `a look at ${workflowId}`.slice(0, 190) })) {
      n = -1;
      continue;
    }
    const child = await look(workflowId);
    const isOver = canceledAt !== undefined && Date.now() - canceledAt >= UNSEEN_AFTER_CANCEL_MS;
    if (child === undefined && !isOver) continue;
    if (child?.runs === true || (await condition(isTold, TOLD_WITHIN))) continue;
    return { untold: untoldOf<R>(child) };
  }
  return undefined;
}

function untoldOf<R>(child: ChildLook | undefined): Untold<R> {
  const { result, jobIds = [] } = child ?? {};
  return { jobIds, ...(result != null && { result: result as R }) };
}

/** What there is to know of a child that has ended, also after a cancel. */
export async function lookBack<R>(workflowId: string): Promise<Untold<R>> {
  return untoldOf<R>(await CancellationScope.nonCancellable(() => look(workflowId)));
}

/** Undefined when it cannot be seen: it is taken to run, since the next look comes anyway. */
async function look(workflowId: string): Promise<ChildLook | undefined> {
  try {
    return await reading.describeChild.executeWithOptions({ summary: `has ${workflowId} ended?`.slice(0, 190) }, [
      { workflowId },
    ]);
  } catch {
    return undefined;
  }
}

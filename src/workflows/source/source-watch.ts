/** What follows from checks for a late source: whether it is complete, and when and where to check next. Pure. */
import type { SourceStatus } from '../../activities/source/probe-source.js';
import type { PollPlan } from '../../domain/input/resolve-input.js';

/** Findings of earlier checks. */
export interface SourceWatch {
  since: number;
  /** Checks that found nothing; each lengthens the next wait. */
  missed: number;
  /** Checks that found it changed since the previous one. */
  grown: number;
  last?: Required<Omit<SourceStatus, 'unavailable'>> & { at: number };
}

/** How long to wait for the source, and how often to check. */
export interface SourceWait {
  waitMs: number;
  poll: PollPlan;
}

/** `unavailable`: an object store does not answer. */
export type WhyWait = 'missing' | 'growing' | 'unavailable';

export type NextCheck =
  | { kind: 'ready' }
  /** `queue`: of the workers that saw the file, because others may not. */
  | { kind: 'wait'; ms: number; queue?: string; why: WhyWait }
  | { kind: 'giveUp'; why: WhyWait };

/** Each check costs history. */
const MAX_CHECKS = 4_000;

/**
 * What follows from a check. A file is complete when two checks find the same size and modification time; an empty one
 * may be about to be written, so it is accepted only once the time is over.
 */
export function afterCheck(watch: SourceWatch, check: SourceStatus & { now: number }, wait: SourceWait): NextCheck {
  const { filesQueue, found, now } = check;
  const { waitMs, poll } = wait;
  const left = watch.since + waitMs - now;
  if (found === undefined) {
    delete watch.last;
    const why = check.unavailable === true ? 'unavailable' : 'missing';
    if (left <= 0) return { kind: 'giveUp', why };
    return { kind: 'wait', ms: Math.min(left, nextWait(poll.initialMs, watch.missed++, wait)), why };
  }
  const before = watch.last;
  const same =
    before?.filesQueue === filesQueue &&
    before.found.size === found.size &&
    before.found.modifiedMs === found.modifiedMs;
  // A message may have ended the wait early: the time counts from the check that first found the file like this.
  const stoodStill = same ? now - before.at : 0;
  watch.last = { filesQueue, found, at: same ? before.at : now };
  if (same && stoodStill < poll.settleMs)
    return { kind: 'wait', ms: poll.settleMs - stoodStill, queue: filesQueue, why: 'growing' };
  if (same && (found.size > 0 || left <= 0)) return { kind: 'ready' };
  // A file that arrived at the last moment is still checked twice.
  if (left <= -poll.settleMs) return { kind: 'giveUp', why: 'growing' };
  return { kind: 'wait', ms: nextWait(poll.settleMs, watch.grown++, wait), queue: filesQueue, why: 'growing' };
}

/** Waits grow from the first to the longest. */
function nextWait(first: number, count: number, { waitMs, poll: { coefficient, maximumMs } }: SourceWait): number {
  const grown = Math.min(first * coefficient ** Math.min(count, 1_000), Math.max(maximumMs, first));
  return Math.max(Math.floor(waitMs / MAX_CHECKS), Math.round(grown));
}

/** The first checks ask all groups this many times; later a share of the checks is enough, since each costs history. */
const CHECKS_OF_ALL_GROUPS = 20;

/**
 * Whether a check that misses asks all groups: the first ones, then at intervals, and the last, so that the outcome
 * does not depend on chance.
 */
export function asksAllGroups(
  { missed, since }: SourceWatch,
  { groups, now, waitMs }: { groups: number; now: number; waitMs: number },
): boolean {
  return missed < CHECKS_OF_ALL_GROUPS || missed % Math.max(5, 4 * groups) === 0 || now - since >= waitMs;
}

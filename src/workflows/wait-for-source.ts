/**
 * A source that comes late: looked for every so often, until it is there and stands still. What a look means is decided
 * by a pure function; the loop around it is workflow code.
 */
import { ActivityFailure, ApplicationFailure, defineSearchAttributeKey, TimeoutFailure } from '@temporalio/common';
import { condition, workflowInfo } from '@temporalio/workflow';
import type { SourceLook } from '../activities/await-source.js';
import type { BulkLoadInput } from '../contract.js';
import type { PollPlan } from './input.js';
import { datedSource, isTimeZone } from './source-date.js';
import { nameOf, time } from './words.js';

/** What earlier looks have found. */
export interface Watch {
  since: number;
  /** Looks that found nothing; each makes the next wait longer. */
  missed: number;
  /** Looks that found it changed since the one before. */
  grown: number;
  last?: Required<SourceLook> & { at: number };
}

export type NextLook =
  | { kind: 'ready' }
  /** `queue`: of the workers that saw the file, because others may not. */
  | { kind: 'wait'; ms: number; queue?: string; why: 'missing' | 'growing' }
  | { kind: 'giveUp'; why: 'missing' | 'growing' };

/** Waits grow from the first to the longest. */
/** A look costs history. */
const MOST_LOOKS = 4_000;

function growing(first: number, count: number, { coefficient, maximumMs }: PollPlan): number {
  return Math.round(Math.min(first * coefficient ** Math.min(count, 1_000), Math.max(maximumMs, first)));
}

/**
 * What follows from a look. A file is complete when two looks find it with the same size and time of change; an empty
 * one may be about to be written, so it is taken only once the time is over.
 */
export function afterLook(watch: Watch, look: SourceLook, now: number, waitMs: number, poll: PollPlan): NextLook {
  const left = watch.since + waitMs - now;
  const { filesQueue, found } = look;
  if (found === undefined) {
    delete watch.last;
    if (left <= 0) return { kind: 'giveUp', why: 'missing' };
    return {
      kind: 'wait',
      ms: Math.min(left, Math.max(Math.floor(waitMs / MOST_LOOKS), growing(poll.initialMs, watch.missed++, poll))),
      why: 'missing',
    };
  }
  const before = watch.last;
  const same =
    before?.filesQueue === filesQueue &&
    before.found.size === found.size &&
    before.found.modifiedMs === found.modifiedMs;
  // A message may have ended the wait early: it counts from the look that found the file as it is.
  const stoodStill = same ? now - before.at : 0;
  watch.last = { filesQueue, found, at: same ? before.at : now };
  if (same && stoodStill < poll.settleMs)
    return { kind: 'wait', ms: poll.settleMs - stoodStill, queue: filesQueue, why: 'growing' };
  if (same && (found.size > 0 || left <= 0)) return { kind: 'ready' };
  // One that came at the last moment is still looked at twice.
  if (left <= -poll.settleMs) return { kind: 'giveUp', why: 'growing' };
  const ms = Math.max(Math.floor(waitMs / MOST_LOOKS), growing(poll.settleMs, watch.grown++, poll));
  return { kind: 'wait', ms, queue: filesQueue, why: 'growing' };
}

/** What the wait needs of the load around it. */
export interface Waiter {
  waitingFor?: string;
  /** Counts messages that may end a wait early. */
  changes: number;
  show: () => void;
}

/** Asks a worker of a queue; without one, of the shared queue, and with `everywhere` one of each group that shares a folder. */
export type LookForSource = (
  queue: string | undefined,
  everywhere: boolean,
) => Promise<{ look: SourceLook; groups?: number }>;

/** So often all groups are asked at first; later a share of the looks is enough, for each costs history. */
const FIRST_LOOKS = 20;

/** Whether a look that misses asks all groups: the first ones, every so many, and the last, so that chance decides nothing. */
export function looksEverywhere({ missed, since }: Watch, groups: number, now: number, waitMs: number): boolean {
  return missed < FIRST_LOOKS || missed % Math.max(5, 4 * groups) === 0 || now - since >= waitMs;
}

/**
 * Comes back when the source is there and complete, with the queue of workers that saw it.
 *
 * @throws ApplicationFailure `SOURCE_NOT_FOUND`, `SOURCE_STILL_GROWING`
 */
export async function waitForSource(
  { source, waitMs, poll }: { source: string; waitMs: number; poll: PollPlan },
  look: LookForSource,
  live: Waiter,
): Promise<string | undefined> {
  const watch: Watch = { since: Date.now(), missed: 0, grown: 0 };
  const name = nameOf(source);
  let queue: string | undefined;
  let groups = 1;
  try {
    for (;;) {
      const found = await lookOnce(look, queue, looksEverywhere(watch, groups, Date.now(), waitMs));
      groups = found.groups ?? groups;
      const next = afterLook(watch, found.look, Date.now(), waitMs, poll);
      if (next.kind === 'ready') return queue;
      if (next.kind === 'giveUp') throw tooLate(source, waitMs, next.why);
      queue = next.queue;
      live.waitingFor = next.why === 'missing' ? `the file ${name}` : `the file ${name} to be complete`;
      live.show();
      const seen = live.changes;
      await condition(() => live.changes !== seen, next.ms, {
        summary: `${name} ${next.why === 'missing' ? 'is not there yet' : 'may still be written'}: next look in ${time(next.ms)}`,
      });
    }
  } finally {
    delete live.waitingFor;
  }
}

/** Workers that saw the file may be gone by now: then any other is asked again. */
async function lookOnce(
  look: LookForSource,
  queue: string | undefined,
  everywhere: boolean,
): Promise<{ look: SourceLook; groups?: number }> {
  try {
    return await look(queue, everywhere);
  } catch (error) {
    const timedOut = error instanceof ActivityFailure && error.cause instanceof TimeoutFailure;
    if (queue === undefined || !timedOut) throw error;
    return { look: { filesQueue: queue } };
  }
}

function tooLate(source: string, waitMs: number, why: 'missing' | 'growing'): ApplicationFailure {
  if (why === 'growing') {
    return ApplicationFailure.nonRetryable(
      `${source} came, but was still being written after ${time(waitMs)}. Nothing of it was loaded. ` +
        'Load it once it is complete; write it under another name first and rename it then.',
      'SOURCE_STILL_GROWING',
    );
  }
  return ApplicationFailure.nonRetryable(
    `${source} was waited for ${time(waitMs)} and did not come, as the worker sees it. Load it once it is there, ` +
      'or wait longer (--wait-for-source).',
    'SOURCE_NOT_FOUND',
  );
}

const SCHEDULED_FOR = defineSearchAttributeKey('TemporalScheduledStartTime', 'DATETIME');

/** When the load was due: by its schedule, without jitter and however late it began; else when it began. */
function dueAt(): number {
  const { typedSearchAttributes, startTime } = workflowInfo();
  return (typedSearchAttributes.get(SCHEDULED_FOR) ?? startTime).getTime();
}

/** The input with the source of its day. A time zone that does not exist is refused later, with the rest of the input. */
export function withDatedSource<T extends Pick<BulkLoadInput, 'source' | 'timeZone'>>(input: T): T {
  const { source, timeZone = 'UTC' } = input;
  if (typeof source !== 'string' || !isTimeZone(timeZone)) return input;
  return { ...input, source: datedSource(source, dueAt(), timeZone) };
}

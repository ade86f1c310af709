/**
 * When to poll a job again. Backoff while nothing is known; once the job reports progress, the time that the rest
 * should take, or, where that is uncertain, early enough that no end is seen more than a tenth of the job's time late.
 * Pure: the workflow passes in its own time and random number.
 */
import type { PollPlan } from '../../../domain/input/resolve-input.js';

/** What a poll of an unfinished job has shown. Times are workflow time in milliseconds. */
export interface ProgressSample {
  at: number;
  processed: number;
}

export interface PollHistory {
  /** When processing was asked for (the close). */
  startedAt: number;
  /** Rows sent; 0 when unknown. */
  total: number;
  /** What polls have shown so far; first and last two are enough. */
  samples: readonly ProgressSample[];
  /** Total number of polls. */
  count: number;
}

/** Jitter lengthens a wait by this share at most. */
const JITTER = 0.2;

/** The workflow's time and random number. */
export interface Moment {
  now: number;
  /** In [0, 1). */
  random: number;
}

/**
 * Milliseconds until the next poll: never less than `initialMs`, and at most `maximumMs` before jitter. Jitter only
 * lengthens, by 0-20 %.
 */
export function nextPollDelay(plan: PollPlan, history: PollHistory, { now, random }: Moment): number {
  const wait = fromProgress(plan, history, now) ?? plan.initialMs * plan.coefficient ** Math.min(history.count, 500);
  const bounded = Math.min(plan.maximumMs, Math.max(plan.initialMs, wait));
  return Math.round(bounded * (1 + JITTER * random));
}

/** How late an end may be seen, as a share of the job's time. */
const MAX_LATE = 0.1;
/** A first progress below this share shows nothing about the speed: the job may have just begun. */
const RELIABLE_SHARE = 0.1;
/** In that case the next poll follows after this share of the job's time so far. */
const SECOND_POLL = 0.08;
/** A reliable first progress was made in at least this share of the time since the poll before it. */
const BEGAN_WITHIN = 0.35;
/** The same share after a wait at the maximum: such a job was queued for long, and may be done in minutes. */
const BEGAN_WITHIN_LONGEST_WAIT = 0.05;
/**
 * A speed counts when it was observed for this share of the job's time; two close polls may fall on either side of one
 * batch.
 */
const RELIABLE_TIME = 0.3;
/** Batches of less than this share of the rows make progress even enough to aim at the end itself. */
const FINE_BATCH = 0.05;
/** A poll just before the end is wasted. */
const JUST_AFTER = 1.02;

/** A job that has shown progress and is not at its end. */
interface Progress {
  now: number;
  /** Time since the close. */
  age: number;
  total: number;
  /** Rows not processed yet. */
  left: number;
  /** Starts at the last sample without progress: a long time in the queue shows nothing about the speed after it. */
  seen: readonly ProgressSample[];
  idle: ProgressSample;
  /** The first sample with progress. */
  first: ProgressSample;
  last: ProgressSample;
}

/** Undefined when the job has shown no speed yet. */
function progressOf({ startedAt, total, samples }: PollHistory, now: number): Progress | undefined {
  const last = samples.at(-1);
  if (last === undefined || last.processed <= 0 || last.processed >= total) return undefined;
  const all = [{ at: startedAt, processed: 0 }, ...samples];
  const seen = all.slice(all.findLastIndex(({ processed }) => processed === 0));
  const [idle, first] = seen as [ProgressSample, ProgressSample];
  const age = now - startedAt;
  if (age <= 0 || last.at <= idle.at) return undefined;
  return { now, age, total, left: total - last.processed, seen, idle, first, last };
}

function fromProgress(plan: PollPlan, history: PollHistory, now: number): number | undefined {
  const progress = progressOf(history, now);
  if (progress === undefined) return undefined;
  const { age, total, seen, idle } = progress;
  // An overdue end may be seen with each poll.
  const restSince = (from: ProgressSample): number => restAtSpeedSince(from, progress) ?? untilLate(age, 0);
  if (seen.length === 2) return Math.min(untilSecondPoll(plan, progress), restSince(idle), age);
  const batch = smallestStep(seen);
  // An estimate is as reliable as its observation was long: never wait longer than that at once.
  const wait = Math.min(untilLate(age, soonestRest(progress, batch)), age);
  if (batch > FINE_BATCH * total) return wait;
  return Math.min(wait, restSince(recent(progress)));
}

/**
 * A first progress may come from a job that waited for long and is now fast, or be the first of a few long batches: one
 * more poll shows which.
 */
function untilSecondPoll(plan: PollPlan, { idle, last, total, left, age }: Progress): number {
  if (last.processed < RELIABLE_SHARE * total) return age * SECOND_POLL;
  const waited = last.at - idle.at;
  const speed = last.processed / (waited * (waited < plan.maximumMs ? BEGAN_WITHIN : BEGAN_WITHIN_LONGEST_WAIT));
  return untilLate(age, left / speed);
}

/** The longest wait that, with any jitter, still sees the soonest possible end in time. */
function untilLate(age: number, soonestRest: number): number {
  return (soonestRest + MAX_LATE * (age + soonestRest)) / (1 + JITTER);
}

/**
 * Time that the rest takes at the average speed since a sample; undefined when that time has passed, since the speed
 * was not kept.
 */
function restAtSpeedSince(from: ProgressSample, { last, left, now }: Progress): number | undefined {
  const rest = (left * (last.at - from.at)) / (last.processed - from.processed) - (now - last.at);
  return rest < 0 ? undefined : rest * JUST_AFTER;
}

/** Upper bound of the rows that come at a time: a batch of 10,000, or several that finish between two polls. */
function smallestStep(seen: readonly ProgressSample[]): number {
  const steps = seen.slice(1).map((sample, n) => sample.processed - (seen[n] as ProgressSample).processed);
  return Math.min(...steps.filter((step) => step > 0));
}

/** The least time that the rest takes, if one more batch than seen is done by now. */
function soonestRest(progress: Progress, batch: number): number {
  const { now, left, seen, idle, first, last } = progress;
  const speeds = seen
    .filter((sample) => sample === idle || isReliable(sample, progress))
    .map((sample) => (last.processed - sample.processed + batch) / (now - sample.at));
  // The work may have begun long after the last poll without progress.
  if (now > first.at) speeds.push((last.processed - first.processed) / (now - first.at));
  return Math.max(0, left - batch) / Math.max(...speeds);
}

/** Whether the time from a sample until now is long enough to measure a speed. */
function isReliable(sample: ProgressSample, { last, now, age }: Progress): boolean {
  return sample.processed < last.processed && now - sample.at >= RELIABLE_TIME * age;
}

/** The latest sample since which a speed can be measured, otherwise the first one with progress. */
function recent(progress: Progress): ProgressSample {
  const { seen, idle, first, last } = progress;
  return seen.findLast((sample) => isReliable(sample, progress)) ?? (first.processed < last.processed ? first : idle);
}

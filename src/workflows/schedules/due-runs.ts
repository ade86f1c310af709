/** Which runs of schedules were due and did not begin, and when to look again. Pure. */
import { MAX_LISTED_RUNS } from '../../protocol/activities/schedule-types.js';
import type { SeenSchedule } from '../../protocol/activities/schedule-types.js';

/** What is remembered of a schedule from one look to the next. */
export interface WatchedSchedule {
  id: string;
  changedAt: number;
  /** Due times that are still to be judged, ascending. */
  due: number[];
  /** Counters of runs that are already explained. */
  skipped: number;
  missed: number;
  /** When a run was first found absent without a reason: Temporal may be about to start it. */
  absentSince?: number;
}

export type WhyAbsent = 'skipped' | 'missed' | 'unknown';

export interface AbsentRun {
  schedule: SeenSchedule;
  dueAt: number;
  why: WhyAbsent;
  /** Runs that were due before this one and did not begin for the same reason. */
  earlier: number;
}

export interface Look {
  /** Not later than the moment at which the schedules were read. */
  now: number;
  graceMs: number;
}

/** After an outage Temporal takes a moment to start what was due. */
const CONFIRM_MS = 120_000;
const MIN_WAIT_MS = 60_000;
/** Schedules that are made elsewhere are seen by then. */
const MAX_WAIT_MS = 3_600_000;

/** For each schedule and reason at most one message: about the newest run, with the number of the others. */
export function judge(
  before: readonly WatchedSchedule[],
  seen: readonly SeenSchedule[],
  look: Look,
): { watched: WatchedSchedule[]; absent: AbsentRun[] } {
  const known = new Map(before.map((one) => [one.id, one]));
  const judged = seen.map((schedule) => judgeOne(known.get(schedule.id), schedule, look));
  return {
    watched: judged.map(({ watched }) => watched),
    absent: judged.flatMap(({ absent }) => absent),
  };
}

function judgeOne(
  before: WatchedSchedule | undefined,
  seen: SeenSchedule,
  { now, graceMs }: Look,
): { watched: WatchedSchedule; absent: AbsentRun[] } {
  const { id, changedAt, skipped, missed } = seen;
  const fresh: WatchedSchedule = { id, changedAt, due: [...seen.next], skipped, missed };
  // Paused on purpose, or without runs left: nothing is due.
  if (seen.paused || seen.next.length === 0) return { watched: { ...fresh, due: [] }, absent: [] };
  if (before === undefined || before.changedAt !== changedAt) return { watched: fresh, absent: [] };

  const [upcoming = Infinity] = seen.next;
  // Also what became due after this look was asked for: the answer may have waited for the end of an outage.
  const young = before.due.filter((at) => at > now - graceMs && at < upcoming);
  const gone = before.due.filter((at) => at <= now - graceMs && !hasBegun(at, seen));
  const counted = { skipped: seen.skipped - before.skipped, missed: seen.missed - before.missed };
  const isExplained = counted.skipped + counted.missed >= gone.length;
  const absentSince = before.absentSince ?? now;
  if (gone.length > 0 && !isExplained && now - absentSince < Math.min(CONFIRM_MS, graceMs)) {
    return { watched: { ...before, due: merged(gone, young, seen.next), absentSince }, absent: [] };
  }
  // An outage comes first: what was due at its end is started, or overlaps with that.
  const byOutage = gone.slice(0, counted.missed);
  const byOverlap = gone.slice(byOutage.length, byOutage.length + counted.skipped);
  // Counters of runs that are still young explain them later.
  const explained = { skipped: before.skipped + byOverlap.length, missed: before.missed + byOutage.length };
  const watched: WatchedSchedule = {
    ...fresh,
    ...(young.length > 0 && explained),
    due: merged(young, seen.next),
  };
  const absent = (why: WhyAbsent, runs: readonly number[]): AbsentRun[] => {
    const dueAt = runs.at(-1);
    return dueAt === undefined ? [] : [{ schedule: seen, dueAt, why, earlier: runs.length - 1 }];
  };
  return {
    watched,
    absent: [
      ...absent('missed', byOutage),
      ...absent('skipped', byOverlap),
      ...absent('unknown', gone.slice(byOutage.length + byOverlap.length)),
    ],
  };
}

/** True for one that is older than everything that Temporal still lists. */
function hasBegun(at: number, { started }: SeenSchedule): boolean {
  return started.includes(at) || (started.length >= MAX_LISTED_RUNS && at < (started[0] as number));
}

function merged(...times: readonly (readonly number[])[]): number[] {
  return [...new Set(times.flat())].sort((a, b) => a - b).slice(0, 2 * MAX_LISTED_RUNS);
}

/** Milliseconds until a run must have begun, or is to be confirmed. */
export function untilNextLook(watched: readonly WatchedSchedule[], { now, graceMs }: Look): number {
  const waits = watched.flatMap(({ due: [first], absentSince }) => {
    if (first === undefined) return [];
    return absentSince === undefined ? first + graceMs - now : Math.min(CONFIRM_MS, graceMs);
  });
  const least = Math.min(MIN_WAIT_MS, graceMs);
  return Math.max(least, Math.min(MAX_WAIT_MS, ...waits));
}

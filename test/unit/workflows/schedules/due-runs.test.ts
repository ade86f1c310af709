/** Runs of schedules that were due and did not begin, look by look. */
import { describe, expect, it } from 'vitest';
import type { SeenSchedule } from '../../../../src/protocol/activities/schedule-types.js';
import { judge, untilNextLook } from '../../../../src/workflows/schedules/due-runs.js';
import type { WatchedSchedule } from '../../../../src/workflows/schedules/due-runs.js';

const MINUTE = 60_000;
const GRACE = 10 * MINUTE;

interface Step extends Partial<SeenSchedule> {
  /** Minutes, as all times here. */
  at: number;
}

function seen({ at: _at, ...more }: Step): SeenSchedule {
  const times = (list: readonly number[] = []): number[] => list.map((one) => one * MINUTE);
  return {
    ...{ id: 'nightly', changedAt: 0, paused: false, skipped: 0, missed: 0, workflowId: 'bulk-load/nightly' },
    ...{ connection: 'default', object: 'Account', operation: 'upsert' },
    ...more,
    next: times(more.next ?? [10_000]),
    started: times(more.started),
  };
}

/** What each look tells: `<due>:<why>+<earlier>`. */
function told(steps: readonly Step[], graceMs = GRACE): string[] {
  let watched: WatchedSchedule[] = [];
  return steps.map((step) => {
    const found = judge(watched, [seen(step)], { now: step.at * MINUTE, graceMs });
    ({ watched } = found);
    return found.absent.map(({ dueAt, why, earlier }) => `${dueAt / MINUTE}:${why}+${earlier}`).join();
  });
}

const NEXT = [60, 1_500];
const LATER = [1_500, 2_940];
const ten = (from: number, step = 1): number[] => Array.from({ length: 10 }, (_, n) => from + n * step);

describe('what is told', () => {
  it.each<[string, Step[], string[]]>([
    [
      'a run that began',
      [
        { at: 0, next: NEXT },
        { at: 70, next: LATER, started: [60] },
      ],
      ['', ''],
    ],
    [
      'nothing within the grace',
      [
        { at: 0, next: NEXT },
        { at: 69, next: LATER },
      ],
      ['', ''],
    ],
    [
      'a run that began late, in the catch-up time',
      [
        { at: 0, next: NEXT },
        { at: 65, next: NEXT },
        { at: 90, next: LATER, started: [60] },
      ],
      ['', '', ''],
    ],
    [
      'skipped, because the load before was running',
      [
        { at: 0, next: NEXT, skipped: 3 },
        { at: 70, next: LATER, skipped: 4 },
        { at: 75, next: LATER, skipped: 4 },
      ],
      ['', '60:skipped+0', ''],
    ],
    [
      'missed, because Temporal was down',
      [
        { at: 0, next: NEXT },
        { at: 200, next: LATER, missed: 1 },
        { at: 201, next: LATER, missed: 1 },
      ],
      ['', '60:missed+0', ''],
    ],
    [
      'Temporal has not begun to catch up: confirmed first',
      [
        { at: 0, next: NEXT },
        { at: 200, next: NEXT },
        { at: 201, next: LATER, missed: 1 },
      ],
      ['', '', '60:missed+0'],
    ],
    [
      'asked for before the outage, and answered after it',
      [
        { at: 0, next: NEXT },
        { at: 50, next: LATER, missed: 1 },
        { at: 201, next: LATER, missed: 1 },
        { at: 202, next: LATER, missed: 1 },
      ],
      ['', '', '60:missed+0', ''],
    ],
    [
      'the catch-up starts it after the first look',
      [
        { at: 0, next: NEXT },
        { at: 100, next: NEXT },
        { at: 102, next: LATER, started: [60] },
      ],
      ['', '', ''],
    ],
    [
      'no reason, also at the second look',
      [
        { at: 0, next: NEXT },
        { at: 70, next: LATER },
        { at: 71, next: LATER },
        { at: 72, next: LATER },
        { at: 73, next: LATER },
      ],
      ['', '', '', '60:unknown+0', ''],
    ],
    [
      'paused on purpose',
      [
        { at: 0, next: NEXT },
        { at: 50, next: NEXT, paused: true },
        { at: 70, next: LATER, paused: true },
        { at: 80, next: LATER },
        { at: 90, next: LATER },
      ],
      ['', '', '', '', ''],
    ],
    [
      'created paused',
      [
        { at: 0, next: NEXT, paused: true },
        { at: 70, next: LATER },
        { at: 90, next: LATER },
      ],
      ['', '', ''],
    ],
    [
      'changed in between: the plan before counts no more',
      [
        { at: 0, next: NEXT },
        { at: 70, next: LATER, changedAt: 30 },
        { at: 90, next: LATER, changedAt: 30 },
      ],
      ['', '', ''],
    ],
    [
      'deleted and created again with the same id',
      [
        { at: 0, next: NEXT, skipped: 7, changedAt: 1 },
        { at: 70, next: LATER, changedAt: 50 },
        { at: 90, next: LATER, changedAt: 50 },
      ],
      ['', '', ''],
    ],
    [
      'no runs left',
      [
        { at: 0, next: [60] },
        { at: 70, next: [], started: [60] },
        { at: 90, next: [], started: [60] },
      ],
      ['', '', ''],
    ],
    [
      'a watcher that comes back after three nights',
      [
        { at: 0, next: [60, 1_500, 2_940, 4_380] },
        { at: 4_000, next: [4_380], missed: 2, started: [2_940] },
      ],
      ['', '1500:missed+1'],
    ],
    [
      'a run every minute, of which all but some are skipped: one message a look',
      [
        { at: 0, next: ten(1), started: [0] },
        { at: 12, next: ten(13), started: [0, 1], skipped: 11 },
        { at: 15, next: ten(16), started: [0, 1], skipped: 14 },
        { at: 20, next: ten(21), started: [0, 1, 17, 18, 19, 20], skipped: 15 },
        { at: 26, next: ten(27), started: [0, 1, 17, 18, 19, 20, 21, 22, 23, 24], skipped: 17 },
      ],
      ['', '2:skipped+0', '5:skipped+2', '10:skipped+4', '16:skipped+3'],
    ],
    [
      'older than everything that Temporal still lists',
      [
        { at: 0, next: ten(1) },
        { at: 40, next: ten(41), started: ten(31) },
        { at: 45, next: ten(46), started: ten(36) },
      ],
      ['', '', ''],
    ],
    [
      'skips of runs that a person started explain nothing later',
      [
        { at: 0, next: NEXT, skipped: 0 },
        { at: 30, next: NEXT, skipped: 2 },
        { at: 70, next: LATER, skipped: 2 },
        { at: 73, next: LATER, skipped: 2 },
      ],
      ['', '', '', '60:unknown+0'],
    ],
    [
      'missed and skipped: one message for each reason',
      [
        { at: 0, next: [60, 120, 180, 1_500] },
        { at: 200, next: LATER, missed: 2, skipped: 1 },
      ],
      ['', '120:missed+1,180:skipped+0'],
    ],
  ])('%s', (_what, steps, expected) => expect(told(steps)).toEqual(expected));

  it('of each schedule its own', () => {
    const both = (step: Step): SeenSchedule[] => [seen(step), { ...seen(step), id: 'hourly' }];
    const first = judge([], both({ at: 0, next: NEXT }), { now: 0, graceMs: GRACE });
    const second = judge(first.watched, both({ at: 70, next: LATER, missed: 1 }), { now: 70 * MINUTE, graceMs: GRACE });
    expect(second.absent.map(({ schedule }) => schedule.id)).toEqual(['nightly', 'hourly']);
    const third = judge(second.watched, [], { now: 80 * MINUTE, graceMs: GRACE });
    expect(third).toEqual({ watched: [], absent: [] });
  });
});

describe('the next look', () => {
  const watching = (due: number[], absentSince?: number): WatchedSchedule => ({
    ...{ id: 'a', changedAt: 0, skipped: 0, missed: 0, due: due.map((one) => one * MINUTE) },
    ...(absentSince !== undefined && { absentSince }),
  });
  const wait = (watched: WatchedSchedule[], now: number, graceMs = GRACE): number =>
    untilNextLook(watched, { now: now * MINUTE, graceMs }) / MINUTE;

  it.each<[string, number, WatchedSchedule[], number]>([
    ['an hour at most', 60, [], 0],
    ['an hour at most, whatever is due tomorrow', 60, [watching([1_500])], 0],
    ['when the first run must have begun', 40, [watching([1_500]), watching([30])], 0],
    ['a minute at least', 1, [watching([30])], 41],
    ['two minutes to confirm', 2, [watching([30, 1_500], 5)], 45],
  ])('%s', (_what, expected, watched, now) => expect(wait(watched, now)).toBe(expected));

  it('a short grace is a short wait', () => expect(wait([watching([30])], 30, 1_000)).toBe(1 / 60));
});

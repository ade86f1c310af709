import { describe, expect, it } from 'vitest';
import type { SourceStatus } from '../../../../src/activities/source/probe-source.js';
import type { PollPlan } from '../../../../src/domain/input/resolve-input.js';
import { afterCheck, asksAllGroups } from '../../../../src/workflows/source/source-watch.js';
import type { NextCheck, SourceWatch } from '../../../../src/workflows/source/source-watch.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const poll: PollPlan = { initialMs: 5_000, coefficient: 1.5, maximumMs: 5 * MINUTE, settleMs: 30_000 };

/** What a worker finds at a given time. */
type World = (now: number, queue: string | undefined) => SourceStatus;

/** Checks like the workflow, with a clock that jumps from check to check. */
function watched(world: World, waitMs: number): { end: NextCheck; now: number; checks: number; waits: number[] } {
  const watch: SourceWatch = { since: 0, missed: 0, grown: 0 };
  const waits: number[] = [];
  let queue: string | undefined;
  for (let now = 0, checks = 1; ; checks++) {
    const next = afterCheck(watch, { ...world(now, queue), now }, { waitMs, poll });
    if (next.kind !== 'wait') return { end: next, now, checks, waits };
    if (checks > 10_000) throw new Error('checks forever');
    queue = next.queue;
    now += next.ms;
    waits.push(next.ms);
  }
}

/** A file that appears at one time and is written until another. */
function arriving(from: number, until: number, size = 1_000): World {
  return (now) =>
    now < from
      ? { filesQueue: 'q' }
      : { filesQueue: 'q', found: { size: now < until ? size + now : size + until, modifiedMs: Math.min(now, until) } };
}

describe('waiting for a source', () => {
  it('gives up after a store that never answers with that reason, not as if the file were missing', () => {
    const { end, waits } = watched(() => ({ filesQueue: '', unavailable: true }), HOUR);
    expect(end).toEqual({ kind: 'giveUp', why: 'unavailable' });
    expect(waits.reduce((sum, ms) => sum + ms, 0)).toBe(HOUR);
  });

  it('accepts one that is there after a second check, 30 s later', () => {
    expect(watched(arriving(-1, -1), 3 * HOUR)).toEqual({
      end: { kind: 'ready' },
      now: 30_000,
      checks: 2,
      waits: [30_000],
    });
  });

  it('checks less often after a while: about fifty times in three hours', () => {
    const { end, now, checks, waits } = watched(() => ({ filesQueue: 'q' }), 3 * HOUR);
    expect(end).toEqual({ kind: 'giveUp', why: 'missing' });
    // Until the last moment, and not beyond.
    expect(now).toBe(3 * HOUR);
    expect(checks).toBeLessThan(60);
    expect(waits.slice(0, 3)).toEqual([5_000, 7_500, 11_250]);
    expect(Math.max(...waits)).toBe(5 * MINUTE);
  });

  it.each([7 * MINUTE, HOUR, 3 * HOUR - 1_000])(
    'accepts one that arrives after %i ms within the next two checks',
    (from) => {
      const { end, now } = watched(arriving(from, from), 3 * HOUR);
      expect(end).toEqual({ kind: 'ready' });
      expect(now - from).toBeLessThanOrEqual(5 * MINUTE + 30_000);
    },
  );

  it('accepts none only because a message ended the wait early', () => {
    const watch: SourceWatch = { since: 0, missed: 0, grown: 0 };
    const found = { size: 100, modifiedMs: 5 };
    const checkAt = (now: number): NextCheck =>
      afterCheck(watch, { filesQueue: 'q', found, now }, { waitMs: HOUR, poll });
    expect(checkAt(1_000)).toMatchObject({ kind: 'wait', ms: 30_000 });
    expect(checkAt(1_010)).toMatchObject({ kind: 'wait', ms: 29_990, why: 'growing' });
    expect(checkAt(21_000)).toMatchObject({ kind: 'wait', ms: 10_000 });
    expect(checkAt(31_000)).toEqual({ kind: 'ready' });
  });

  it('does not accept one that is still being written, however long that takes', () => {
    const { end, now } = watched(arriving(10 * MINUTE, 100 * MINUTE), 3 * HOUR);
    expect(end).toEqual({ kind: 'ready' });
    expect(now).toBeGreaterThanOrEqual(100 * MINUTE);
    expect(now).toBeLessThanOrEqual(110 * MINUTE);
  });

  it('checks one that grows for days no more often than a history can hold', () => {
    const watch: SourceWatch = { since: 0, missed: 0, grown: 0 };
    const short = { ...poll, maximumMs: 30_000 };
    let checks = 0;
    for (let now = 0; ; checks++) {
      const next = afterCheck(
        watch,
        { filesQueue: 'q', found: { size: 1 + now, modifiedMs: now }, now },
        { waitMs: 72 * HOUR, poll: short },
      );
      if (next.kind !== 'wait') break;
      now += next.ms;
    }
    expect(checks).toBeLessThanOrEqual(4_001);
  });

  it('gives up on one that is still being written when the time is over', () => {
    const { end, now } = watched(arriving(0, 9 * HOUR), HOUR);
    expect(end).toEqual({ kind: 'giveUp', why: 'growing' });
    expect(now).toBeGreaterThanOrEqual(HOUR);
    expect(now).toBeLessThanOrEqual(HOUR + 6 * MINUTE);
  });

  it('waits for the content of an empty one, and accepts it empty in the end', () => {
    const empty: World = (now) => ({
      filesQueue: 'q',
      found: { size: now < HOUR ? 0 : 500, modifiedMs: now < HOUR ? 1 : 2 },
    });
    expect(watched(empty, 3 * HOUR)).toMatchObject({ end: { kind: 'ready' } });
    expect(watched(empty, 3 * HOUR).now).toBeGreaterThan(HOUR);
    expect(watched(empty, 20 * MINUTE).end).toEqual({ kind: 'ready' });
    expect(watched(empty, 20 * MINUTE).now).toBeGreaterThanOrEqual(20 * MINUTE);
  });

  it('starts over when it disappears: a file of the same size may be a different one', () => {
    const found = { size: 10, modifiedMs: 1 };
    const seen = [{ found }, {}, { found }, { found }].map((check) => ({ filesQueue: 'q', ...check }));
    let check = 0;
    expect(watched(() => seen[check++] as SourceStatus, HOUR)).toMatchObject({ end: { kind: 'ready' }, checks: 4 });
  });

  it('asks the workers again that saw it, and does not confuse them with others', () => {
    const asked: (string | undefined)[] = [];
    const found = { size: 10, modifiedMs: 1 };
    // Two groups of workers, each with a file of the same size and time.
    const groups = ['a', 'b', 'b'];
    const { checks } = watched((_now, queue) => {
      asked.push(queue);
      return { filesQueue: groups[asked.length - 1] ?? 'b', found };
    }, HOUR);
    expect(asked).toEqual([undefined, 'a', 'b']);
    expect(checks).toBe(3);
  });
});

describe('a check that misses', () => {
  const now = HOUR;
  const at = (missed: number, groups: number, since = 0): boolean =>
    asksAllGroups({ since, missed, grown: 0 }, { groups, now, waitMs: 3 * HOUR });

  it('asks all groups at first, and the last time, so that the result does not depend on chance', () => {
    expect([0, 1, 19].map((missed) => at(missed, 3))).toEqual([true, true, true]);
    expect(at(21, 3, now - 3 * HOUR)).toBe(true);
  });

  it('costs little more history later, however many groups there are', () => {
    for (const groups of [1, 3, 50]) {
      const asked = Array.from({ length: 4_000 }, (_, missed) => missed).filter((missed) => at(missed, groups));
      expect(asked.length * (groups + 1)).toBeLessThan(4_000);
    }
  });
});

import { describe, expect, it } from 'vitest';
import type { SourceLook } from '../../src/activities/await-source.js';
import type { PollPlan } from '../../src/workflows/input.js';
import { afterLook, looksEverywhere } from '../../src/workflows/wait-for-source.js';
import type { NextLook, Watch } from '../../src/workflows/wait-for-source.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const poll: PollPlan = { initialMs: 5_000, coefficient: 1.5, maximumMs: 5 * MINUTE, settleMs: 30_000 };

/** What a worker finds at a time. */
type World = (now: number, queue: string | undefined) => SourceLook;

/** Looks as the workflow does, with a clock that jumps from look to look. */
function watched(world: World, waitMs: number): { end: NextLook; now: number; looks: number; waits: number[] } {
  const watch: Watch = { since: 0, missed: 0, grown: 0 };
  const waits: number[] = [];
  let queue: string | undefined;
  for (let now = 0, looks = 1; ; looks++) {
    const next = afterLook(watch, world(now, queue), now, waitMs, poll);
    if (next.kind !== 'wait') return { end: next, now, looks, waits };
    if (looks > 10_000) throw new Error('looks for ever');
    queue = next.queue;
    now += next.ms;
    waits.push(next.ms);
  }
}

/** A file that comes at a time and is written until another. */
function arriving(from: number, until: number, size = 1_000): World {
  return (now) =>
    now < from
      ? { filesQueue: 'q' }
      : { filesQueue: 'q', found: { size: now < until ? size + now : size + until, modifiedMs: Math.min(now, until) } };
}

describe('waiting for a source', () => {
  it('takes one that is there after a second look, 30 s later', () => {
    expect(watched(arriving(-1, -1), 3 * HOUR)).toEqual({
      end: { kind: 'ready' },
      now: 30_000,
      looks: 2,
      waits: [30_000],
    });
  });

  it('looks seldom after a while, and for three hours some fifty times', () => {
    const { end, now, looks, waits } = watched(() => ({ filesQueue: 'q' }), 3 * HOUR);
    expect(end).toEqual({ kind: 'giveUp', why: 'missing' });
    // Until the last moment, and not beyond.
    expect(now).toBe(3 * HOUR);
    expect(looks).toBeLessThan(60);
    expect(waits.slice(0, 3)).toEqual([5_000, 7_500, 11_250]);
    expect(Math.max(...waits)).toBe(5 * MINUTE);
  });

  it.each([7 * MINUTE, HOUR, 3 * HOUR - 1_000])(
    'takes one that comes after %i ms within the next two looks',
    (from) => {
      const { end, now } = watched(arriving(from, from), 3 * HOUR);
      expect(end).toEqual({ kind: 'ready' });
      expect(now - from).toBeLessThanOrEqual(5 * MINUTE + 30_000);
    },
  );

  it('takes none because a message ended the wait early', () => {
    const watch: Watch = { since: 0, missed: 0, grown: 0 };
    const found = { size: 100, modifiedMs: 5 };
    const lookAt = (now: number): NextLook => afterLook(watch, { filesQueue: 'q', found }, now, HOUR, poll);
    expect(lookAt(1_000)).toMatchObject({ kind: 'wait', ms: 30_000 });
    expect(lookAt(1_010)).toMatchObject({ kind: 'wait', ms: 29_990, why: 'growing' });
    expect(lookAt(21_000)).toMatchObject({ kind: 'wait', ms: 10_000 });
    expect(lookAt(31_000)).toEqual({ kind: 'ready' });
  });

  it('does not take one that is still written, however long that takes', () => {
    const { end, now } = watched(arriving(10 * MINUTE, 100 * MINUTE), 3 * HOUR);
    expect(end).toEqual({ kind: 'ready' });
    expect(now).toBeGreaterThanOrEqual(100 * MINUTE);
    expect(now).toBeLessThanOrEqual(110 * MINUTE);
  });

  it('looks at one that grows for days no more often than a history can hold', () => {
    const watch: Watch = { since: 0, missed: 0, grown: 0 };
    const short = { ...poll, maximumMs: 30_000 };
    let looks = 0;
    for (let now = 0; ; looks++) {
      const next = afterLook(
        watch,
        { filesQueue: 'q', found: { size: 1 + now, modifiedMs: now } },
        now,
        72 * HOUR,
        short,
      );
      if (next.kind !== 'wait') break;
      now += next.ms;
    }
    expect(looks).toBeLessThanOrEqual(4_001);
  });

  it('gives one up that is still written when the time is over', () => {
    const { end, now } = watched(arriving(0, 9 * HOUR), HOUR);
    expect(end).toEqual({ kind: 'giveUp', why: 'growing' });
    expect(now).toBeGreaterThanOrEqual(HOUR);
    expect(now).toBeLessThanOrEqual(HOUR + 6 * MINUTE);
  });

  it('waits with an empty one for its content, and takes it empty in the end', () => {
    const empty: World = (now) => ({
      filesQueue: 'q',
      found: { size: now < HOUR ? 0 : 500, modifiedMs: now < HOUR ? 1 : 2 },
    });
    expect(watched(empty, 3 * HOUR)).toMatchObject({ end: { kind: 'ready' } });
    expect(watched(empty, 3 * HOUR).now).toBeGreaterThan(HOUR);
    expect(watched(empty, 20 * MINUTE).end).toEqual({ kind: 'ready' });
    expect(watched(empty, 20 * MINUTE).now).toBeGreaterThanOrEqual(20 * MINUTE);
  });

  it('begins anew when it vanishes: a file of the same size may be another', () => {
    const found = { size: 10, modifiedMs: 1 };
    const seen = [{ found }, {}, { found }, { found }].map((look) => ({ filesQueue: 'q', ...look }));
    let look = 0;
    expect(watched(() => seen[look++] as SourceLook, HOUR)).toMatchObject({ end: { kind: 'ready' }, looks: 4 });
  });

  it('asks the workers again that saw it, and does not mix them up with others', () => {
    const asked: (string | undefined)[] = [];
    const found = { size: 10, modifiedMs: 1 };
    // Two groups of workers with a file of the same size and time each.
    const groups = ['a', 'b', 'b'];
    const { looks } = watched((_now, queue) => {
      asked.push(queue);
      return { filesQueue: groups[asked.length - 1] ?? 'b', found };
    }, HOUR);
    expect(asked).toEqual([undefined, 'a', 'b']);
    expect(looks).toBe(3);
  });
});

describe('a look that misses', () => {
  const now = HOUR;
  const at = (missed: number, groups: number, since = 0): boolean =>
    looksEverywhere({ since, missed, grown: 0 }, groups, now, 3 * HOUR);

  it('asks all groups at first, and the last time, so that chance decides nothing', () => {
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

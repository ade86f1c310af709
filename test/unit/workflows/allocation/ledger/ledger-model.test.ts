/**
 * The ledger compared with a brute-force model: random days of jobs, with messages that arrive twice, late, or never.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Allocation } from '../../../../../src/domain/platform/allocation-settings.js';
import { isEmpty, nextChangeAt } from '../../../../../src/workflows/allocation/ledger/forecast.js';
import {
  giveBack,
  grant,
  renew,
  request,
  settle,
  sweep,
} from '../../../../../src/workflows/allocation/ledger/ledger.js';
import { batchesFor, openLedger } from '../../../../../src/workflows/allocation/ledger/ledger-state.js';
import type { Ledger } from '../../../../../src/workflows/allocation/ledger/ledger-state.js';
import type { Amount } from '../../../../../src/protocol/messages/allocation-types.js';
import { bucketEnd, held, sum } from '../../../../../src/workflows/allocation/ledger/rolling-window.js';

const MINUTE = 60_000;
const WINDOW = 120 * MINUTE;
const RENEW_EVERY = 4 * MINUTE;
const BEGIN = Date.UTC(2026, 0, 1);

interface Job extends Amount {
  id: string;
  priority: number;
  askedAt: number;
  grantedAt?: number;
  /** It used `real` at some moment between the grant and then. */
  endedAt?: number;
  real?: Amount;
  gaveBack?: true;
  /** Its holder was terminated: it sends nothing any more. */
  dead?: true;
  /** When the ledger noticed. */
  noticedAt?: number;
}

type Step =
  | { do: 'ask'; priority: number; records: number }
  | { do: 'end'; which: number; share: number }
  | { do: 'giveBack' | 'die'; which: number }
  | { do: 'again'; which: number }
  | { do: 'wait'; minutes: number };

interface Message {
  at: number;
  job: Job;
  deliver: (now: number) => void;
}

const STEPS = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant('ask' as const),
        priority: fc.integer({ min: 1, max: 5 }),
        records: fc.integer({ min: 1, max: 300_000 }),
      }),
    },
    {
      weight: 5,
      arbitrary: fc.record({
        do: fc.constant('end' as const),
        which: fc.nat(99),
        share: fc.double({ min: 0, max: 1, noNaN: true }),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constantFrom('giveBack' as const, 'die' as const), which: fc.nat(99) }),
    },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('again' as const), which: fc.nat(99) }) },
    { weight: 6, arbitrary: fc.record({ do: fc.constant('wait' as const), minutes: fc.integer({ min: 0, max: 45 }) }) },
  ),
  { minLength: 5, maxLength: 120 },
);

/** No request exceeds the limit for its priority: those run alone, and have separate tests. */
const RULES = fc.record({
  recordsPerWindow: fc.integer({ min: 400_000, max: 1_000_000 }),
  batchesPerWindow: fc.integer({ min: 45, max: 90 }),
  windowMs: fc.constant(WINDOW),
  reservedRecords: fc.constantFrom(0, 50_000, 100_000),
  maxJobs: fc.integer({ min: 1, max: 4 }),
});

/** A day of an org: the ledger as its workflow drives it, and what every job really did. */
class Day {
  now = BEGIN;
  readonly ledger: Ledger;
  readonly jobs: Job[] = [];
  readonly sent: Message[] = [];
  #woken = 0;

  readonly rules: Allocation;

  constructor(rules: Allocation) {
    this.rules = rules;
    this.ledger = openLedger(rules);
  }

  running = (): Job[] => this.jobs.filter((job) => job.grantedAt !== undefined && !ended(job));
  waiting = (): Job[] => this.jobs.filter((job) => job.grantedAt === undefined && !ended(job));

  send(job: Job, deliver: (now: number) => void): void {
    this.sent.push({ at: this.now, job, deliver });
    deliver(this.now);
    this.tick();
  }

  /** What the workflow does after every message and at every timer. */
  tick(): void {
    const { ledger, now } = this;
    for (const { id } of sweep(ledger, now).silenced) {
      expect(this.job(id).dead, 'only the dead are thought gone').toBe(true);
      this.job(id).noticedAt = now;
    }
    const before = this.waiting();
    const granted = grant(ledger, now);
    for (const lease of granted) {
      const job = this.job(lease.id);
      expect(job.grantedAt, 'granted once').toBeUndefined();
      job.grantedAt = now;
      const ahead = before.filter((other) => goesBefore(other, job) && other.grantedAt === undefined && !other.dead);
      expect(ahead, 'nobody who is ahead is left waiting').toEqual([]);
      this.checkLimits(job.priority);
    }
    this.checkNobodyWaitsInVain();
  }

  job(id: string): Job {
    return this.jobs.find((job) => job.id === id) as Job;
  }

  /** The maximum that the platform may count now. */
  mostUsed(): Amount {
    const using = this.jobs.filter((job) => job.grantedAt !== undefined && counts(job, this.now));
    return sum(using.map((job) => job.real ?? job));
  }

  checkLimits(priority: number): void {
    const { recordsPerWindow, batchesPerWindow, reservedRecords, maxJobs } = this.rules;
    const kept = priority >= 3 ? reservedRecords : 0;
    const { records, batches } = this.mostUsed();
    expect(records).toBeLessThanOrEqual(recordsPerWindow - kept);
    const keptBatches = Math.ceil((batchesPerWindow * kept) / recordsPerWindow);
    expect(batches).toBeLessThanOrEqual(batchesPerWindow - keptBatches);
    expect(this.running().filter(({ dead }) => !dead).length).toBeLessThanOrEqual(maxJobs);
  }

  /** The next request in line has a reason to wait, even if everything is counted as late as the ledger may. */
  checkNobodyWaitsInVain(): void {
    const first = this.ledger.waiting[0];
    if (first === undefined) return;
    const taken = sum([...held(this.ledger, this.now), ...this.ledger.leases]);
    const { recordsPerWindow, batchesPerWindow, reservedRecords, maxJobs } = this.rules;
    const kept = first.priority >= 3 ? reservedRecords : 0;
    const keptBatches = Math.ceil((batchesPerWindow * kept) / recordsPerWindow);
    const fits =
      taken.records + first.records <= recordsPerWindow - kept &&
      taken.batches + first.batches <= batchesPerWindow - keptBatches &&
      this.ledger.leases.length < maxJobs;
    expect(fits).toBe(false);
    // The granted amount does not exceed what may really count, a bucket's width late.
    const late = this.jobs.filter(
      (job) =>
        job.grantedAt !== undefined && counts(job, this.now - (bucketEnd(WINDOW, this.now) - this.now) - WINDOW / 48),
    );
    expect(taken.records).toBeLessThanOrEqual(sum(late.map((job) => job.real ?? job)).records);
  }

  /** Advances the time, waking only when the ledger requires it; live holders renew every few minutes. */
  pass(ms: number): void {
    const until = this.now + ms;
    while (this.now < until) {
      const wake = isEmpty(this.ledger, this.now) ? Infinity : (nextChangeAt(this.ledger, this.now) ?? Infinity);
      const next = Math.min(until, wake, this.#woken + RENEW_EVERY);
      this.checkNothingMissed(next);
      this.now = Math.max(next, this.now + 1);
      if (this.now >= this.#woken + RENEW_EVERY) {
        this.#woken = this.now;
        for (const { id, dead } of [...this.running(), ...this.waiting()]) if (!dead) renew(this.ledger, id, this.now);
      }
      this.tick();
    }
  }

  /** At any earlier moment, there would have been no request to grant. */
  checkNothingMissed(next: number): void {
    for (const share of [0.5, 1]) {
      const at = this.now + Math.floor((next - 1 - this.now) * share);
      if (at > this.now) expect(grant(structuredClone(this.ledger), at)).toEqual([]);
    }
  }
}

const ended = (job: Job): boolean => job.endedAt !== undefined || job.gaveBack === true;
const goesBefore = (a: Job, b: Job): boolean =>
  a.priority !== b.priority ? a.priority < b.priority : a.askedAt < b.askedAt;

/** The platform counts a use for the window after it; when a running job's use happens is unknown. */
function counts(job: Job, now: number): boolean {
  if (job.gaveBack) return false;
  // If the holder died, it is only known that it may have used all of it until the ledger noticed.
  const until = job.endedAt ?? job.noticedAt;
  return until === undefined || until + WINDOW > now;
}

function run(day: Day, steps: readonly Step[]): void {
  const { ledger } = day;
  for (const step of steps) {
    if (step.do === 'wait') day.pass(step.minutes * MINUTE);
    else if (step.do === 'ask') {
      const id = `job-${day.jobs.length}`;
      const { priority, records } = step;
      const asked = { id, holder: id, words: id, priority, records, batches: batchesFor(records) };
      day.now++;
      const job: Job = { ...asked, askedAt: day.now };
      day.jobs.push(job);
      day.send(job, (now) => void request(ledger, asked, now));
    } else if (step.do === 'again') {
      const recent = day.sent.filter(({ at, job }) => at + 30 * MINUTE > day.now && !job.dead);
      const message = recent[step.which % recent.length];
      const before = amounts(day);
      message?.deliver(day.now);
      // A late duplicate changes nothing, whatever has happened since.
      expect(amounts(day)).toEqual(before);
      day.tick();
    } else {
      const open = [...day.running(), ...day.waiting()].filter(({ dead }) => !dead);
      const job = open[step.which % open.length];
      if (job !== undefined) finish(day, job, step);
    }
  }
}

function finish(day: Day, job: Job, step: Exclude<Step, { do: 'ask' | 'wait' | 'again' }>): void {
  if (step.do === 'die') job.dead = true;
  else if (step.do === 'end' && job.grantedAt !== undefined) {
    const records = Math.floor(job.records * step.share);
    const real = { records, batches: batchesFor(records) };
    job.endedAt = day.now;
    job.real = real;
    day.send(job, (now) => settle(day.ledger, { id: job.id, ...real }, now));
  } else {
    job.gaveBack = true;
    day.send(job, (now) => giveBack(day.ledger, job.id, now));
  }
}

function amounts({ ledger, now }: Day): unknown {
  const copy = structuredClone(ledger);
  return {
    taken: sum(held(copy, now)),
    leases: copy.leases.map(({ id }) => id),
    waiting: copy.waiting.map(({ id }) => id),
  };
}

it('respects limits, reserve, concurrent jobs and order, whatever happens', () => {
  fc.assert(
    fc.property(RULES, STEPS, (rules, steps) => run(new Day(rules), steps)),
    { numRuns: 200 },
  );
});

it('grants every request in the end, and has no state left', () => {
  fc.assert(
    fc.property(RULES, STEPS, (rules, steps) => {
      const day = new Day(rules);
      run(day, steps);
      for (let round = 0; round < 2_000 && day.running().length + day.waiting().length > 0; round++) {
        for (const job of day.running()) {
          if (!job.dead) finish(day, job, { do: 'end', which: 0, share: 1 });
        }
        // Dead holders are noticed: running ones keep their amount for a window, waiting ones are dropped.
        if ([...day.running(), ...day.waiting()].every(({ dead }) => dead)) break;
        day.pass(15 * MINUTE);
      }
      expect([...day.running(), ...day.waiting()].filter(({ dead }) => !dead)).toEqual([]);
      day.pass(4 * WINDOW);
      expect(isEmpty(day.ledger, day.now)).toBe(true);
      expect(day.ledger).toMatchObject({ leases: [], waiting: [] });
    }),
    { numRuns: 200 },
  );
});

/** The platform decides when it counts: wherever within a job its rows are counted, no window exceeds the limit. */
it('keeps every position of the rolling window below the limit', () => {
  fc.assert(
    fc.property(RULES, STEPS, fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })), (rules, steps, random) => {
      const day = new Day(rules);
      run(
        day,
        steps.filter(({ do: what }) => what !== 'die'),
      );
      const uses = day.jobs.flatMap((job) => {
        if (job.grantedAt === undefined || job.gaveBack) return [];
        const until = job.endedAt ?? day.now;
        const real = job.real ?? job;
        return [{ at: job.grantedAt + random.next().value * (until - job.grantedAt), ...real }];
      });
      for (const { at } of uses) {
        const inWindow = sum(uses.filter((use) => use.at > at - WINDOW && use.at <= at));
        expect(inWindow.records).toBeLessThanOrEqual(rules.recordsPerWindow);
        expect(inWindow.batches).toBeLessThanOrEqual(rules.batchesPerWindow);
      }
    }),
    { numRuns: 200 },
  );
});

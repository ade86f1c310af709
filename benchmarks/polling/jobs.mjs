// Simulates jobs of all kinds for a poller, and the cost of a polling rule for each: the number of polls, and the delay
// until the end is noticed. It uses no clock and no Temporal: the rule is a pure function, and so is this.

const MINUTE = 60_000;
const ROWS = 900_000;

/** Numbers in [0, 1), the same ones for the same seed. */
export function numbers(seed) {
  let state = seed * 2_654_435_761 + 1;
  return () => (state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32) / 2 ** 32;
}

const linear = () => (share) => share;
const steps = (batches) => () => (share) => Math.floor(share * batches + 1e-9) / batches;
/** Queued for a share of the time, then another shape. */
const queued = (wait, shape) => (random) => {
  const after = shape(random);
  return (share) => (share < wait ? 0 : after((share - wait) / (1 - wait)));
};

/** Batches of unequal length, several at a time: each worker takes the next one when it is done. */
const batches = (count, parallel, spread) => (random) => {
  const ends = [];
  const workers = Array.from({ length: parallel }, () => 0);
  for (let n = 0; n < count; n++) {
    const next = workers.indexOf(Math.min(...workers));
    workers[next] += 1 + spread * (2 * random() - 1);
    ends.push(workers[next]);
  }
  const all = Math.max(...ends);
  return (share) => ends.filter((end) => end <= share * all + 1e-9).length / count;
};

/** The speed changes once: `early` of the rows take the first `share` of the time. */
const bent = (early, at) => () => (share) =>
  share < at ? (share / at) * early : early + ((share - at) / (1 - at)) * (1 - early);

/** By name: share of completed rows after a share of the time. */
export const SHAPES = {
  linear,
  'steps of 10,000 rows': steps(ROWS / 10_000),
  'queued 25 of 30 min, then fast': queued(25 / 30, linear),
  'queued 27 of 30 min, then fast': queued(27 / 30, linear),
  '10 long batches': steps(10),
  '10 long batches, 2 at a time': batches(10, 2, 0),
  '10 uneven batches': batches(10, 1, 0.3),
  '10 uneven batches, 2 at a time': batches(10, 2, 0.3),
  '20 uneven batches, 3 at a time': batches(20, 3, 0.5),
  'queued for a third, then linear': queued(1 / 3, linear),
  'queued for half, then 10 batches': queued(0.5, steps(10)),
  'slow, then fast': bent(0.3, 0.6),
  'fast, then slow': bent(0.7, 0.4),
  'stalled for half of its time': () => (share) => Math.min(share, 0.25) * 2 + Math.max(0, share - 0.75) * 2,
};

/** Jobs of these shapes stay within the budget in every run; most others do too. */
export const IN_BUDGET = Object.keys(SHAPES).slice(0, 6);

/**
 * Polls a job until its end is noticed.
 * @param next the rule: `nextPollDelay`
 * @returns `polls`, and `lateness` as a share of the job's time
 */
export function watch({ next, plan, shape, minutes, random, rows = ROWS }) {
  const duration = minutes * MINUTE;
  const done = shape(random);
  const polls = [];
  for (let now = 0, count = 0; ; count++) {
    // As in the workflow: the most recent ones.
    const history = { startedAt: 0, total: rows, samples: polls.slice(-19), count };
    now += next(plan, history, { now, random: random() });
    if (now >= duration) return { polls: count + 1, lateness: (now - duration) / duration };
    polls.push({ at: now, processed: Math.floor(rows * done(now / duration)) });
    if (count > 5_000) throw new Error('It polls forever.');
  }
}

/** The maximum and the median of many runs. */
export function simulate({ next, plan, shape, minutes, seeds }) {
  const runs = Array.from({ length: seeds }, (_, seed) =>
    watch({ next, plan, shape, minutes, random: numbers(seed + 1) }),
  );
  const sorted = (what) => runs.map((run) => run[what]).sort((a, b) => a - b);
  const [polls, lateness] = [sorted('polls'), sorted('lateness')];
  const middle = Math.floor(seeds / 2);
  return {
    polls: { median: polls[middle], most: polls.at(-1) },
    lateness: { median: lateness[middle], most: lateness.at(-1) },
  };
}

// Jobs of all kinds as a poller sees them, and what a rule for the waits costs on each: looks, and how long after the
// end it was seen. No clock and no Temporal: the rule is a pure function, and so is this.

const MINUTE = 60_000;
const ROWS = 900_000;

/** Numbers in [0, 1), the same ones for a seed. */
export function numbers(seed) {
  let state = seed * 2_654_435_761 + 1;
  return () => (state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32) / 2 ** 32;
}

const linear = () => (share) => share;
const steps = (batches) => () => (share) => Math.floor(share * batches + 1e-9) / batches;
/** In the queue for a share of the time, then another shape. */
const queued = (wait, shape) => (random) => {
  const after = shape(random);
  return (share) => (share < wait ? 0 : after((share - wait) / (1 - wait)));
};

/** Batches of unequal length, some at a time: each worker takes the next one when it is done. */
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

/** By name: what share of the rows is done after a share of the time. */
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
  'at a stand for the half of its time': () => (share) => Math.min(share, 0.25) * 2 + Math.max(0, share - 0.75) * 2,
};

/** Jobs of these shapes keep the budget in every run; of the others most do. */
export const IN_BUDGET = Object.keys(SHAPES).slice(0, 6);

/**
 * Looks at a job until its end is seen.
 * @param next the rule: `nextPollDelay`
 * @returns `looks`, and `lateness` as a share of the job's time
 */
export function watch({ next, plan, shape, minutes, random, rows = ROWS }) {
  const duration = minutes * MINUTE;
  const done = shape(random);
  const looks = [];
  for (let now = 0, count = 0; ; count++) {
    // As the workflow keeps them: the last ones.
    const history = { startedAt: 0, total: rows, looks: looks.slice(-19), count };
    now += next(plan, history, now, random());
    if (now >= duration) return { looks: count + 1, lateness: (now - duration) / duration };
    looks.push({ at: now, processed: Math.floor(rows * done(now / duration)) });
    if (count > 5_000) throw new Error('It looks for ever.');
  }
}

/** The worst and the middle of many runs. */
export function simulate({ next, plan, shape, minutes, seeds }) {
  const runs = Array.from({ length: seeds }, (_, seed) =>
    watch({ next, plan, shape, minutes, random: numbers(seed + 1) }),
  );
  const sorted = (what) => runs.map((run) => run[what]).sort((a, b) => a - b);
  const [looks, lateness] = [sorted('looks'), sorted('lateness')];
  const middle = Math.floor(seeds / 2);
  return {
    looks: { median: looks[middle], most: looks.at(-1) },
    lateness: { median: lateness[middle], most: lateness.at(-1) },
  };
}

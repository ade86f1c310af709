/**
 * Nights as they happen: an org that is faster or slower than usual, slows down, or stands still; a file that comes
 * late; rows that are retried. The same seed gives the same nights.
 */

const MINUTE = 60_000;

export interface Night {
  rows: number;
  /** Speed of each job in rows per second, from these minutes on. */
  speeds: { minute: number; perSecond: number }[];
  /** When the file comes, in minutes after the load is due. */
  fileAt: number;
  /** Rows that fail at first, and the wait before they are sent again. */
  retried: number;
  retryWaitMs: number;
  what: string;
}

/** Rows of a usual night, the speed of one of two jobs, and so some two hours and a half. */
const USUAL_ROWS = 30_000;
const USUAL_SPEED = 1.7;
const LONGEST_MINUTES = 24 * 60;

export function nights(count: number, seed: number): Night[] {
  const random = generator(seed);
  return Array.from({ length: count }, () => night(random));
}

function night(random: () => number): Night {
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const between = (from: number, to: number): number => from + (to - from) * random();
  const monthEnd = random() < 0.04;
  const rows = Math.round(USUAL_ROWS * Math.exp(0.12 * normal()) * (monthEnd ? 1.8 : 1));
  const usual = USUAL_SPEED * Math.exp(0.18 * normal());
  const trouble = troubleOf(random(), between);
  const speeds: Night['speeds'] = [];
  let wander = 0;
  for (let minute = 0; minute < LONGEST_MINUTES; minute += 10) {
    wander = 0.85 * wander + 0.08 * normal();
    const slower = minute >= trouble.from && minute < trouble.to ? trouble.slower : 1;
    speeds.push({
      minute: minute + trouble.fileAt,
      perSecond: slower === Infinity ? 0 : (usual * Math.exp(wander)) / slower,
    });
  }
  const retried = random() < 0.3 ? Math.round(rows * between(0.002, 0.03)) : 0;
  return {
    ...{ rows, speeds, retried, fileAt: trouble.fileAt },
    retryWaitMs: Math.round(between(1, 15)) * MINUTE,
    what: `${trouble.what}${monthEnd ? ', month end' : ''}`,
  };
}

interface Trouble {
  what: string;
  from: number;
  to: number;
  /** How many times slower; Infinity: nothing happens. */
  slower: number;
  fileAt: number;
}

function troubleOf(chance: number, between: (from: number, to: number) => number): Trouble {
  const none = { what: 'usual', from: 0, to: 0, slower: 1, fileAt: 0 };
  if (chance < 0.12)
    return { ...none, what: 'slow for the rest', from: between(0, 100), to: Infinity, slower: between(2.2, 4.5) };
  if (chance < 0.2) {
    const from = between(5, 120);
    return { ...none, what: 'short standstill', from, to: from + between(10, 60), slower: Infinity };
  }
  if (chance < 0.25) {
    const from = between(5, 100);
    return { ...none, what: 'long standstill', from, to: from + between(150, 330), slower: Infinity };
  }
  if (chance < 0.3) return { ...none, what: 'late file', fileAt: Math.round(between(100, 330)) };
  if (chance < 0.38) {
    const from = between(0, 120);
    return { ...none, what: 'slow for a while', from, to: from + between(30, 90), slower: between(1.5, 2.5) };
  }
  return none;
}

/** Mulberry32. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

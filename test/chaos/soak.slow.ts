/**
 * Random loads with random faults and kills. All choices are made before the run starts: the same seed gives the same
 * cases.
 */
import { randomFrom } from '../../src/simulator/random.js';
import { FAULTS, STEPS } from './fault-cases.js';
import type { Act, Case, LoadPlan, Trouble } from './types.js';

const OPERATIONS: readonly LoadPlan['operation'][] = ['insert', 'keyed insert', 'upsert', 'delete'];
/** Faults that may affect any request at any time. The others are in the matrix: some take minutes. */
const USUAL = ['HTTP 500', 'HTTP 503 with a page', 'HTTP 429', 'HTTP 401, token dead', 'reset before anything is done'];
const LOST = ['reply lost', 'reply cut off'];
const ACTS: readonly Act[] = [
  'kill',
  'kill',
  'kill',
  'term',
  'killServer',
  'killBoth',
  { terminate: 'part-1' },
  { reset: 'part-1', to: 'first' },
  { reset: '', to: 'last' },
  { reset: '', to: 'first' },
];

export function soakCases(seed: number, count: number): Case[] {
  const random = randomFrom(seed);
  const whole = (from: number, to: number): number => from + Math.floor(random() * (to - from + 1));
  const one = <T>(items: readonly T[]): T => items[whole(0, items.length - 1)] as T;

  function load(): LoadPlan {
    const operation = one(OPERATIONS);
    const rows = whole(20, 1_200);
    return {
      operation,
      rows,
      parts: one([1, 1, 2, 3]),
      ...(operation !== 'delete' && random() < 0.5 && { locked: whole(1, Math.floor(rows / 4)) }),
      ...(random() < 0.4 && { recordsPerSecond: whole(100, 400) }),
    };
  }

  function fault(): NonNullable<Case['faults']>[number] {
    const { kind, path } = one(STEPS);
    // A lost create costs a minute of searching for its job.
    const names = kind === 'create' ? USUAL : [...USUAL, ...LOST];
    return {
      kind,
      ...(path !== undefined && { path }),
      after: whole(0, 2),
      action: FAULTS[one(names)] as NonNullable<(typeof FAULTS)[string]>,
    };
  }

  function trouble(): Trouble {
    const { kind, path } = one(STEPS.filter((step) => step.kind !== 'abort'));
    return {
      at: { kind, ...(path !== undefined && { path }), nth: whole(1, 3), delay: whole(0, 400) },
      act: one(ACTS),
    };
  }

  return Array.from({ length: count }, (_, i) => {
    const plan = load();
    const faults = Array.from({ length: whole(0, 4) }, fault);
    const troubles = Array.from({ length: whole(0, 3) }, trouble);
    const acts = troubles.map(({ act }) => (typeof act === 'object' ? Object.values(act).join(' to ') : act));
    const what = [`${faults.length} faults`, ...acts].join(', ');
    return {
      name: `soak ${i + 1}: ${plan.operation}, ${plan.rows} rows, ${plan.parts} parts; ${what}`,
      load: plan,
      faults,
      troubles,
      loose: true,
      looksForJobs: true,
    };
  });
}

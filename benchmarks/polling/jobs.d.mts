import type { PollPlan } from '../../src/domain/input/resolve-input.js';
import type { nextPollDelay } from '../../src/workflows/job/poll/poll-delay.js';

/** Share of completed rows after a share of the time. */
export type Shape = (random: () => number) => (share: number) => number;

export const SHAPES: Record<string, Shape>;
export const IN_BUDGET: string[];
export function numbers(seed: number): () => number;

export interface Watched {
  next: typeof nextPollDelay;
  plan: PollPlan;
  shape: Shape;
  minutes: number;
}
export function watch(job: Watched & { random: () => number; rows?: number }): { polls: number; lateness: number };

export interface Spread {
  median: number;
  most: number;
}
export function simulate(job: Watched & { seeds: number }): { polls: Spread; lateness: Spread };

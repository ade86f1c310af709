/**
 * Notices an outage: steps of a load that fail and are retried. Temporal retries them without the workflow, so a load that
 * stands still asks what its steps are doing. Only for loads whose waits somebody wants to be told of.
 */
import { condition, sleep } from '@temporalio/workflow';
import type { FailingStep } from '../../protocol/activities/notify-types.js';
import type { Load } from '../load/load.js';
import { readActivities } from '../support/activity-options.js';
import { waitsToTell } from './notify.js';
import { waitOf } from './watch-waits.js';

/** A look costs a timer, and a question if the load stands still. */
const MIN_LOOK_MS = 60_000;
const MAX_LOOK_MS = 30 * 60_000;

export async function watchOutages(load: Load): Promise<void> {
  // Before that, it says itself what it waits for.
  await condition(() => load.state.located !== undefined);
  const every = lookEvery((await waitsToTell(load)) ?? []);
  if (every === undefined) return;
  let before: string | undefined;
  for (;;) {
    await sleep(every, { summary: 'until the next look whether the load stands still' });
    const now = standingOf(load);
    const wait = waitOf(load);
    const isTold = wait !== undefined && wait.kind !== 'outage';
    load.enterOutage(now === before && !isTold ? await ask() : undefined);
    before = now;
  }
}

async function ask(): Promise<string | undefined> {
  const { failing } = await readActivities.findFailingSteps
    .executeWithOptions({ summary: 'which steps fail and are retried?' }, [])
    .catch(() => ({ failing: undefined }));
  return failing && outageText(failing);
}

export function outageText({ step, code }: FailingStep): string {
  return `the step ${step}, which fails and is retried (${code})`;
}

/** Undefined: no rule names this load. */
export function lookEvery(waits: readonly number[]): number | undefined {
  const [shortest] = waits;
  return shortest === undefined ? undefined : Math.min(MAX_LOOK_MS, Math.max(MIN_LOOK_MS, shortest / 2));
}

/** Changes with everything that moves. */
function standingOf({ state, live }: Pick<Load, 'state' | 'live'>): string {
  const parts = [...live.running.values()].map(({ n, phase, processed }) => [n, phase, processed]);
  return JSON.stringify([state.phase, state.next, state.tally.seen, live.waitingFor, parts]);
}

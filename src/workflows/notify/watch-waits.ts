/** Tells people about a load that waits for them, or for something that takes long. */
import { condition } from '@temporalio/workflow';
import type { LiveLoad, Load } from '../load/load.js';
import { waitIn, waitOfPart, WAITS_FOR_RESUME } from '../../domain/text/waits.js';
import { notify, waitsToTell } from './notify.js';

export async function watchWaits(load: Load): Promise<void> {
  for (;;) {
    await condition(() => waitOf(load) !== undefined);
    const since = Date.now();
    const isOver = (): boolean => waitOf(load) === undefined;
    for (const waitedMs of (await waitsToTell(load)) ?? []) {
      const left = Math.max(1, since + waitedMs - Date.now());
      if (await condition(isOver, left, { summary: 'until the wait is worth a message' })) break;
      await notify(load, 'waiting', { waitingFor: waitOf(load) as string, waitedMs });
    }
    await condition(isOver);
  }
}

/** What the whole load waits for. */
export function waitOf({ state, live }: Pick<Load, 'state' | 'live'>): string | undefined {
  if (state.phase === 'reporting' || state.phase === 'done') return undefined;
  if (live.missing !== undefined) return live.missing;
  if (live.paused) return WAITS_FOR_RESUME;
  if (live.outage !== undefined) return live.outage;
  if (state.phase === 'preparing' || state.phase === 'holding') return live.waitingFor;
  if (state.phase === 'retrying') return live.waitingFor === undefined ? undefined : waitIn(live.waitingFor);
  return partsWait(live);
}

/** A part that asks a person holds up the load; one that waits for anything else does so when no other part runs. */
function partsWait({ running }: LiveLoad): string | undefined {
  const parts = [...running.values()];
  const asking = parts.find(({ inQuestion }) => inQuestion === true);
  const waiting = parts.every(({ waitingFor }) => waitingFor !== undefined) ? parts[0] : undefined;
  return asking?.waitingFor ?? (waiting && waitOfPart(waiting));
}

/** Tells people about a load that waits for them, or for something that takes long. */
import { condition } from '@temporalio/workflow';
import type { LiveLoad, Load } from '../load/load.js';
import { waitIn, waitOfPart, WAITS_FOR_RESUME } from '../../domain/text/waits.js';
import { notify, waitsToTell } from './notify.js';

/** What the whole load waits for. */
export interface Wait {
  /** The same while its text changes: a wait of another kind is another wait. */
  kind: 'worker' | 'resume' | 'outage' | 'source' | 'corrections' | 'retry' | 'question' | 'parts';
  /** The end of the sentence "waits for". */
  text: string;
}

export async function watchWaits(load: Load): Promise<void> {
  for (;;) {
    await condition(() => waitOf(load) !== undefined);
    const since = Date.now();
    const kind = waitOf(load)?.kind;
    const isOver = (): boolean => waitOf(load)?.kind !== kind;
    for (const waitedMs of (await waitsToTell(load)) ?? []) {
      const left = Math.max(1, since + waitedMs - Date.now());
      if (await condition(isOver, left, { summary: 'until the wait is worth a message' })) break;
      await notify(load, 'waiting', { waitingFor: (waitOf(load) as Wait).text, waitedMs });
    }
    await condition(isOver);
  }
}

export function waitOf({ state, live }: Pick<Load, 'state' | 'live'>): Wait | undefined {
  const { phase } = state;
  const { waitingFor = '' } = live;
  if (phase === 'reporting' || phase === 'done') return undefined;
  if (live.paused && live.missing === undefined) return { kind: 'resume', text: WAITS_FOR_RESUME };
  return (
    wait('worker', live.missing) ??
    wait('outage', live.outage) ??
    (phase === 'preparing' ? wait('source', waitingFor) : undefined) ??
    (phase === 'holding' ? wait('corrections', waitingFor) : undefined) ??
    (phase === 'retrying' ? wait('retry', waitIn(waitingFor)) : partsWait(live))
  );
}

function wait(kind: Wait['kind'], text: string | undefined): Wait | undefined {
  return text === undefined || text === '' ? undefined : { kind, text };
}

/** A part that asks a person holds up the load; one that waits for anything else does so when no other part runs. */
function partsWait({ running }: LiveLoad): Wait | undefined {
  const parts = [...running.values()];
  const asking = parts.find(({ inQuestion }) => inQuestion === true);
  const waiting = parts.every(({ waitingFor }) => waitingFor !== undefined) ? parts[0] : undefined;
  return wait('question', asking?.waitingFor) ?? wait('parts', waiting && waitOfPart(waiting));
}

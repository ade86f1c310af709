/** How long a load was in each phase, from its report's times. Pure. */
import type { HistoryEntry } from '../../contract/load-history.js';
import type { LoadFigures } from '../../contract/load-figures.js';

type Seconds = NonNullable<HistoryEntry['seconds']>;

/** Without pauses: a person decided them. Corrections that were sent count as retries. */
export function phaseSeconds({ phases, pauses, endedAt }: Pick<LoadFigures, 'phases' | 'pauses' | 'endedAt'>): Seconds {
  const seconds: Seconds = { planning: 0, loading: 0, retrying: 0, reporting: 0 };
  phases.forEach(({ phase, at }, n) => {
    if (!(phase in seconds)) return;
    const [from, to] = [Date.parse(at), Date.parse(phases[n + 1]?.at ?? endedAt)];
    const paused = pauses.reduce((sum, pause) => sum + overlap([from, to], pause), 0);
    seconds[phase as keyof Seconds] += Math.max(0, to - from - paused) / 1_000;
  });
  return seconds;
}

function overlap([from, to]: readonly [number, number], pause: { from: string; to: string }): number {
  return Math.max(0, Math.min(to, Date.parse(pause.to)) - Math.max(from, Date.parse(pause.from)));
}

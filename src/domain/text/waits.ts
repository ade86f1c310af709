/** What a load may wait for: the end of the sentence "waits for". */
import type { PartProgress } from '../../contract/load-progress.js';

export const WAITS_FOR_RESUME = 'somebody to resume it';

const WAITS_FOR = 'waits for ';

/** @param wait the end of the sentence */
export function waitsFor(wait: string): string {
  return `${WAITS_FOR}${wait}`;
}

/** What a retry waits for that reports this; undefined when it is at work, or waits for the time of its next round. */
export function waitIn(report: string): string | undefined {
  return report.startsWith(WAITS_FOR) ? report.slice(WAITS_FOR.length) : undefined;
}

interface Part extends Pick<PartProgress, 'phase'> {
  waitingFor?: string;
  /** It waits for a person. */
  inQuestion?: boolean;
}

export function waitOfPart({ phase, waitingFor, inQuestion }: Part): string | undefined {
  const isForAllocation = phase === 'waiting' && inQuestion !== true && waitingFor !== undefined;
  return isForAllocation ? `the org's allocation (${waitingFor})` : waitingFor;
}

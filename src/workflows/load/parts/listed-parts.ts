/** The parts that the `progress` query lists: in a load with thousands, those that people want to see. Pure. */
import type { PartProgress } from '../../../contract/load-progress.js';
import type { PartOutcome } from '../../../protocol/activities/ended-parts.js';
import type { Stage } from '../../../protocol/activities/plan-types.js';
import { knowsSizeOf, recordsOf } from './stage-parts.js';

const MAX_LISTED_PARTS = 200;

/** Keeps a part that ended; one with problems takes the place of one that landed. */
export function enterListed(listed: PartProgress[], stage: Stage, { part: n, kind, counts }: PartOutcome): void {
  const part: PartProgress = {
    n,
    phase: kind === 'loaded' ? 'done' : 'failed',
    processed: counts.succeeded + counts.failed,
    failed: counts.failed,
    total: recordsOf(stage, n),
  };
  if (listed.length < MAX_LISTED_PARTS) listed.push(part);
  else if (!isGood(part)) {
    const place = listed.findLastIndex(isGood);
    if (place !== -1) listed[place] = part;
  }
}

function isGood({ phase, failed }: PartProgress): boolean {
  return phase === 'done' && failed === 0;
}

interface KnownParts {
  /** Kept parts that ended. */
  shown: readonly PartProgress[];
  stage?: Stage;
  /** The next part to start. */
  next: number;
}

/** In order; if there are too many, running parts come before ended ones, and those before waiting ones. */
export function listParts(
  { shown, stage, next }: KnownParts,
  running: ReadonlyMap<number, PartProgress>,
): PartProgress[] {
  const listed = [...running.values(), ...shown].slice(0, MAX_LISTED_PARTS);
  if (stage !== undefined) {
    for (let n = next; listed.length < MAX_LISTED_PARTS && n <= stage.parts && knowsSizeOf(stage, n); n++) {
      listed.push({ n, phase: 'waiting', processed: 0, failed: 0, total: recordsOf(stage, n) });
    }
  }
  return listed.sort((a, b) => a.n - b.n);
}

/** A workflow that calls itself `bulkLoad` and answers whatever its starter wants: see `hostile-answers.test.ts`. */
import { ApplicationFailure } from '@temporalio/common';
import {
  condition,
  defineQuery,
  defineSignal,
  defineUpdate,
  setCurrentDetails,
  setHandler,
} from '@temporalio/workflow';

const STEER = '\u001b[2J\u001b]0;owned\u0007\r\u202e\u009b31m';
const RECORDS = { total: 10, succeeded: 0, rejected: 0, unprocessed: 0, unaccounted: 10 };
const SOUND = { phase: 'loading', records: RECORDS, parts: [], paused: false };
const long = (): string => 'x'.repeat(1_900_000);

/** Answers to `progress`, by kind. */
const ANSWERS: Record<string, () => unknown> = {
  null: () => null,
  text: () => 'x',
  deep: () => ({ ...SOUND, parts: deepList() }),
  long: () => ({ ...SOUND, waitingFor: long() }),
  numbers: () => ({ ...SOUND, records: { ...RECORDS, total: -5, succeeded: 1e300 } }),
  escapes: () => ({
    ...SOUND,
    waitingFor: STEER,
    loadingSince: STEER,
    parts: [{ n: 1, phase: 'processing', jobId: STEER, processed: 1, failed: 0, total: 2 }],
  }),
  proto: () => JSON.parse(`{"__proto__":{"phase":"loading"},"constructor":{},"phase":"toString"}`) as unknown,
  throws: () => {
    throw ApplicationFailure.nonRetryable(STEER + 'y'.repeat(1_000_000));
  },
};

/** As deep as a worker can still write it. */
function deepList(): unknown {
  return [JSON.parse('['.repeat(2_000) + ']'.repeat(2_000))];
}

export async function bulkLoad(kind: string): Promise<unknown> {
  let over = false;
  const answer = ANSWERS[kind] ?? (() => SOUND);
  setHandler(defineQuery('progress'), answer);
  setHandler(defineQuery('soFar'), () => (kind === 'long' ? long() : { files: { succeeded: [], forPeople: 'xy' } }));
  setHandler(defineSignal('end'), () => {
    over = true;
  });
  setHandler(defineUpdate<unknown, [unknown]>('submitCorrections'), async () => {
    if (kind === 'text') return { rows: STEER, remaining: -1 };
    if (kind === 'null') throw ApplicationFailure.nonRetryable(STEER + 'z'.repeat(100_000), STEER);
    await condition(() => false);
    return undefined;
  });
  setCurrentDetails(STEER.repeat(1_000).slice(0, 10_000));
  await condition(() => over);
  if (kind === 'throws')
    throw ApplicationFailure.create({ message: STEER + 'y'.repeat(20_000), type: STEER, details: ['x'] });
  return kind === 'escapes' ? { state: STEER } : null;
}

/** Also calls itself the ledger of an org. */
export async function orgAllocation(): Promise<void> {
  setHandler(defineQuery('limits'), () => ({ org: STEER, connections: 'x', at: 1e300 }));
  await condition(() => false);
}

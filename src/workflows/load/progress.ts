/** Answers to a load's queries. */
import { defined } from '../../domain/defined.js';
import { waitIn, waitOfPart } from '../../domain/text/waits.js';
import type { BulkLoadResult } from '../../contract/load-result.js';
import type { LoadProgress, LoadSoFar } from '../../contract/load-progress.js';
import { forecastOf } from './finish-by/finish.js';
import type { LiveLoad, Load } from './load.js';
import { listParts } from './parts/listed-parts.js';
import { recordCounts, soFar } from './tally.js';

export function progressOf(load: Load): LoadProgress {
  const { state, live } = load;
  const { phase, tally, loadingSince } = state;
  const waitingFor = live.paused ? 'resume' : (waitOfLoad(live) ?? live.outage ?? waitingForAnswer(live));
  return defined({
    phase,
    records: recordCounts(tally),
    parts: listParts(state, live.running),
    ended: tally.seen,
    loadingSince: loadingSince === undefined ? undefined : new Date(loadingSince).toISOString(),
    paused: live.paused,
    forecast: forecastOf(load),
    waitingFor,
    rejectedFile: phase === 'holding' ? live.rejectedFile : undefined,
  });
}

export function soFarOf({ state, live }: Load): LoadSoFar {
  const { phase, tally, files, warnings } = state;
  return {
    ...soFar(tally),
    files: { succeeded: files.succeeded, ...(phase === 'holding' && heldFiles(live)) },
    ...(warnings.length > 0 && { warnings }),
  };
}

function heldFiles({ rejectedFile, rejectedForPeople }: LiveLoad): Partial<BulkLoadResult['files']> {
  const forPeople = rejectedForPeople === undefined ? undefined : { rejected: rejectedForPeople };
  return defined({ rejected: rejectedFile, forPeople });
}

function waitOfLoad({ waitingFor = '' }: LiveLoad): string | undefined {
  return waitIn(waitingFor) ?? (waitingFor || undefined);
}

/** The open question for a person, otherwise what the first waiting part waits for. */
function waitingForAnswer({ running }: LiveLoad): string | undefined {
  const parts = [...running.values()];
  const asking = parts.find(({ inQuestion }) => inQuestion === true);
  if (asking !== undefined) return asking.waitingFor;
  const part = parts.find(({ waitingFor }) => waitingFor !== undefined);
  if (part?.phase !== 'waiting') return part?.waitingFor;
  return waitOfPart({ ...part, waitingFor: `part ${part.n}: ${part.waitingFor}` });
}

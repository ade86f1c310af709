/** The forecast of a load's end, from what the load knows about itself. */
import { workflowInfo } from '@temporalio/workflow';
import type { BulkLoadInput } from '../../../contract/load-input.js';
import type { LoadForecast } from '../../../contract/load-progress.js';
import { defined } from '../../../domain/defined.js';
import { remaining, timesOf } from '../../../domain/forecast/forecast.js';
import type { LoadNow, RowsLeft } from '../../../domain/forecast/forecast.js';
import { observed } from '../../../domain/forecast/pace.js';
import { finishTime } from '../../../domain/input/finish-by.js';
import type { LoadSettings } from '../../../domain/input/resolve-input.js';
import type { PartNow } from '../../../protocol/messages/load-messages.js';
import type { Finish } from './finish-state.js';
import { dueAt } from '../../support/schedule.js';
import type { CarriedState } from '../load-state.js';
import { recordsOf } from '../parts/stage-parts.js';

/** A load, as far as its end depends on it. */
export interface FinishView {
  input: Pick<BulkLoadInput, 'finishBy' | 'timeZone'>;
  state: CarriedState;
  live: { running: ReadonlyMap<number, PartNow>; paused: boolean; outage?: string | undefined };
  settings: Pick<LoadSettings, 'retry'>;
  parallel: number;
}

/** The hour counts from the moment when the load was due, so that a late start does not move it to the next day. */
export function enterFinish({ input, state }: Pick<FinishView, 'input' | 'state'>): void {
  if (input.finishBy === undefined) return;
  state.finish ??= { by: finishTime(input.finishBy, dueAt(workflowInfo()), input.timeZone) };
}

/** Called at every change of the rows that have passed, and of the parts that run. */
export function notePace({ state, live }: Pick<FinishView, 'state' | 'live'>): void {
  const { finish } = state;
  if (finish === undefined || state.stage === undefined) return;
  const parts = [...live.running.values()];
  const pace = observed(finish.pace, {
    now: Date.now(),
    rows: passedRows(state.tally.seen, parts),
    running: parts.filter(({ phase, inQuestion }) => phase !== 'waiting' && inQuestion !== true).length,
  });
  if (pace !== undefined) finish.pace = pace;
}

function passedRows(ended: number, running: readonly { processed: number }[]): number {
  return running.reduce((sum, { processed }) => sum + processed, ended);
}

/** The load as a forecast sees it. */
export function loadNow(load: FinishView): LoadNow {
  const { past, pace } = load.state.finish as Finish;
  return { now: Date.now(), past, pace, left: rowsLeft(load) };
}

function rowsLeft({ state, live, settings, parallel }: FinishView): RowsLeft | undefined {
  const { stage, tally, left, next, phase } = state;
  if (stage === undefined) return undefined;
  const total = stage.records;
  const again = left.passing + left.unprocessed;
  const retry = {
    rows: again,
    waitMs: again > 0 ? settings.retry.initialWaitMs : 0,
    passedMs: phase === 'retrying' ? Date.now() - phaseSince(state.timeline) : 0,
  };
  if (phase !== 'planning' && phase !== 'loading') return { total, rows: 0, longest: 0, parallel: 0, retry };
  const parts = [...live.running.values()];
  const rows = Math.max(0, total - passedRows(tally.seen, parts));
  const running = parts.map((part) => Math.max(0, part.total - part.processed));
  const waiting = Math.max(0, stage.parts - next + 1);
  const longest = Math.max(0, ...running, waiting > 0 ? recordsOf(stage, next) : 0);
  return { total, rows, longest, parallel: Math.min(parallel, running.length + waiting), retry };
}

function phaseSince(timeline: CarriedState['timeline']): number {
  return timeline?.phases.at(-1)?.at ?? Date.now();
}

/** Undefined for a load without `finishBy`, and for one that only reports. */
export function forecastOf(load: FinishView): LoadForecast | undefined {
  const { finish, phase } = load.state;
  if (finish === undefined || phase === 'reporting' || phase === 'done') return undefined;
  const now = loadNow(load);
  // Nobody knows when a pause or an outage ends, or when the file comes.
  const stands = load.live.paused || load.live.outage !== undefined || load.state.located === undefined;
  const left = stands ? undefined : remaining(now);
  const times = left && timesOf(now.now, left);
  return {
    ...defined({ endsAt: iso(times?.endsAt), earliest: iso(times?.earliest), latest: iso(times?.latest) }),
    finishBy: new Date(finish.by).toISOString(),
    late: finish.lateAt !== undefined,
  };
}

/** The last moment that a date can be. */
const MAX_TIME = 8.64e15;

function iso(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : new Date(Math.min(ms, MAX_TIME)).toISOString();
}

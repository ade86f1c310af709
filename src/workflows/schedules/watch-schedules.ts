/**
 * One per task queue: tells people about runs of schedules that were due and did not begin. It sleeps until the next
 * run must have begun, and compares what was due with what Temporal started. Runs while a worker's rules ask for it.
 */
import { ApplicationFailure } from '@temporalio/common';
import {
  condition,
  continueAsNew,
  isCancellation,
  log,
  setCurrentDetails,
  setHandler,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import { innermostFailure } from '../../domain/failures.js';
import { count, moment, time } from '../../domain/text/format.js';
import { schedulesChangedSignal } from '../../protocol/messages/schedule-messages.js';
import type { SchedulesRead } from '../../protocol/activities/schedule-types.js';
import { noArguments, signalHandler } from '../incoming/parse-messages.js';
import { scheduleActivities } from '../support/activity-options.js';
import { carryOver, trustedState } from '../support/carried-state.js';
import { judge, untilNextLook } from './due-runs.js';
import type { WatchedSchedule } from './due-runs.js';
import { tellAbsent } from './tell-absent.js';

interface WatchState {
  watched: WatchedSchedule[];
}

/** Changes come in groups, and lists show them a moment later. */
const AFTER_CHANGE_MS = 5_000;
const AFTER_FAILURE_MS = 600_000;
/** Also without a hint of the server: a run ends while its history is small. */
const MAX_EVENTS = 10_000;

export async function watchSchedules(carried?: WatchState): Promise<void> {
  const state = trustedState(carried) ?? { watched: [] };
  let changed = false;
  setHandler(
    schedulesChangedSignal,
    signalHandler('schedulesChanged', noArguments, () => void (changed = true)),
    { description: 'Sent after a schedule was created, changed or deleted.' },
  );
  for (;;) {
    changed = false;
    const now = Date.now();
    const read = await readSchedules();
    if (read !== undefined && read.graceMs === undefined) return;
    let waitMs = AFTER_FAILURE_MS;
    let graceMs = AFTER_CHANGE_MS;
    if (read?.graceMs !== undefined) {
      graceMs = read.graceMs;
      if (read.tooMany) log.warn('There are more schedules than are watched', { watched: read.schedules.length });
      const { watched, absent } = judge(state.watched, read.schedules, { now, graceMs });
      for (const run of absent) await tellAbsent(run);
      waitMs = untilNextLook(watched, { now: Date.now(), graceMs });
      const { unread = [] } = read;
      if (unread.length > 0) {
        log.warn('Some schedules could not be read', { schedules: unread.slice(0, 5) });
        waitMs = Math.min(waitMs, AFTER_FAILURE_MS);
      }
      // What was due of them is judged when they can be read again.
      state.watched = [...watched, ...state.watched.filter(({ id }) => unread.includes(id))];
    }
    setCurrentDetails(detailsOf(state.watched, waitMs));
    const { continueAsNewSuggested, historyLength } = workflowInfo();
    if (continueAsNewSuggested || historyLength > MAX_EVENTS) {
      await continueAsNew<typeof watchSchedules>(carryOver(state));
    }
    const summary = `until the next run must have begun: ${time(waitMs)}`;
    if (await condition(() => changed, waitMs, { summary })) {
      await sleep(Math.min(AFTER_CHANGE_MS, graceMs), { summary: 'until lists show what changed' });
    }
  }
}

/** For the page of the workflow in the Temporal UI. */
function detailsOf(watched: readonly WatchedSchedule[], waitMs: number): string {
  const next = Math.min(...watched.flatMap(({ due }) => due.slice(0, 1)));
  const due = Number.isFinite(next) ? `; the next run is due ${moment(next)}` : '';
  return `Watches ${count(watched.length)} ${watched.length === 1 ? 'schedule' : 'schedules'} of loads${due}. Looks again in ${time(waitMs)}.`;
}

/** Undefined after a failure that may be gone later: a watcher that ends would be missed by nobody. */
async function readSchedules(): Promise<SchedulesRead | undefined> {
  try {
    return await scheduleActivities.readSchedules.executeWithOptions({ summary: 'what was due, what began' }, [{}]);
  } catch (error) {
    const cause = innermostFailure(error);
    const isRefused = cause instanceof ApplicationFailure && cause.type === 'CALLER_REFUSED';
    if (isRefused || isCancellation(error)) throw error;
    log.warn('The schedules could not be read');
    return undefined;
  }
}

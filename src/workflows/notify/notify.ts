/** Tells people what happens to a load, by a child workflow that the load does not wait for. */
import { workflowInfo } from '@temporalio/workflow';
import type { BulkLoadResult } from '../../contract/load-result.js';
import type { NotifyEvent } from '../../contract/notification.js';
import { shortRunId } from '../../domain/result-layout.js';
import { eventOfEnd } from './event-of-end.js';
import { defined } from '../../domain/defined.js';
import { isTimeZone } from '../../domain/input/source-template.js';
import { plainText } from '../../domain/text/plain-text.js';
import type { NotifyAbout, NotifyFacts, ReportPlace } from '../../protocol/activities/notify-types.js';
import type { LocatedSource } from '../../protocol/activities/source-types.js';
import type { Load } from '../load/load.js';
import { notifyRulesActivities } from '../support/activity-options.js';
import { scheduleOf } from '../support/schedule.js';
import { startMessages } from './start-messages.js';

type News = Pick<
  NotifyFacts,
  | 'state'
  | 'records'
  | 'error'
  | 'forecast'
  | 'finishBy'
  | 'whenLate'
  | 'missed'
  | 'waitingFor'
  | 'waitKind'
  | 'waitedMs'
  | 'report'
>;

/** A workflow that may not call the worker's steps may not make it send messages either. */
const SILENT = 'CALLER_REFUSED';

/** People get the rest from the report. */
const MAX_WORDS = 1_000;

export async function notifyEnd(load: Load, { state, records, error, files }: BulkLoadResult): Promise<void> {
  if (error?.code === SILENT || (await waitsToTell(load)) === undefined) return;
  const report = files.reportHtml ?? files.report;
  const why = error && { code: error.code, message: plainText(error.message, MAX_WORDS) };
  const schedule = scheduleOf(workflowInfo());
  await notify(load, eventOfEnd({ state, error }, { isScheduled: schedule !== undefined }), {
    state,
    records,
    ...defined({ error: why, report, missed: missedHour(load) }),
  });
}

/** The hour by which the load should have ended, if it has passed. */
function missedHour({ state: { finish } }: Load): string | undefined {
  return finish !== undefined && finish.by < Date.now() ? new Date(finish.by).toISOString() : undefined;
}

/**
 * After how long a wait is worth a message, in milliseconds; undefined if no rule of the worker names this load. The
 * first step says it; before that step, the worker is asked.
 */
export async function waitsToTell(load: Load): Promise<readonly number[] | undefined> {
  const { state } = load;
  if (state.located !== undefined) return state.located.notifyWaits;
  const about: NotifyAbout = { ...nameOf(load), ...defined({ schedule: scheduleOf(workflowInfo()) }) };
  state.notify ??= await notifyRulesActivities.readNotifyRules
    .executeWithOptions({ summary: 'is anybody told about this load?' }, [about])
    // Without a worker nobody knows: the messages' own workflow waits for one.
    .catch(() => ({ waits: [] }));
  return state.notify.waits;
}

/** Starts the messages of one event. */
export async function notify(load: Load, event: NotifyEvent, news: News): Promise<void> {
  const { state } = load;
  const { workflowId, runId, firstExecutionRunId } = workflowInfo();
  state.notified = (state.notified ?? 0) + 1;
  // The same after a reset: what was sent is not sent again.
  const name = `notify-${shortRunId(firstExecutionRunId)}/${event}-${state.notified}`;
  const facts: NotifyFacts = {
    id: `${workflowId}/${name}`,
    event,
    at: new Date(Date.now()).toISOString(),
    ...nameOf(load),
    workflowId,
    runId,
    operation: load.input.operation,
    ...defined({ schedule: scheduleOf(workflowInfo()), timeZone: zoneOf(load), ...news }),
  };
  const why = await startMessages(`${workflowId}/${name}`, { facts, place: placeOf(state.located) });
  if (why !== undefined) load.log('no message was started', { code: why });
}

/** Of a refused input, it may be anything. */
function zoneOf({ input: { timeZone } }: Load): string | undefined {
  return isTimeZone(timeZone) ? timeZone : undefined;
}

/** A load that found no source has no report. */
function placeOf(located: LocatedSource | undefined): ReportPlace | undefined {
  if (located === undefined) return undefined;
  const { filesQueue, outputUri, workUri } = located;
  return { filesQueue, outputUri, workUri };
}

function nameOf({ input, loadId }: Load): Pick<NotifyFacts, 'loadId' | 'connection' | 'object'> {
  return { loadId, connection: input.connection ?? 'default', object: input.object };
}

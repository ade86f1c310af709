/**
 * `pause` and `resume` of a load: no new job starts until a person resumes, and the worker's log records who paused.
 */
import { CancellationScope } from '@temporalio/workflow';
import { defined } from '../../domain/defined.js';
import { pauseSignal, resumeSignal } from '../../protocol/messages/load-messages.js';
import { logActivities } from '../support/activity-options.js';
import { recordWait } from '../support/metrics.js';
import type { Load } from './load.js';
import { enterTime } from './timeline.js';

/** Per run: anyone may send these signals, as often as they like, and each line costs history. */
const MAX_LINES = 50;

export async function setPaused(load: Load, paused: boolean): Promise<void> {
  load.live.paused = paused;
  if (paused) load.live.pausedSince ??= Date.now();
  else endPause(load);
  load.state.paused = paused;
  load.noteChange();
  load.showDetails();
  await Promise.all(load.children.map((name) => load.live.signals.send(name, paused ? pauseSignal : resumeSignal)));
  await logPauses(load);
}

/** For the metrics and the report: the load was resumed, or has ended. */
export function endPause({ live, state }: Load): void {
  if (live.pausedSince !== undefined) {
    recordWait('pause', live.pausedSince);
    enterTime(state.timeline?.pauses, { from: live.pausedSince, to: Date.now() });
  }
  delete live.pausedSince;
}

/** One line at a time. The load does not fail, or wait for long, because of a missing line. */
async function logPauses({ input: { connection }, live }: Load): Promise<void> {
  const log = live.pauseLog;
  if (log.isWriting) return;
  log.isWriting = true;
  while (log.paused !== live.paused && log.lines < MAX_LINES) {
    const { paused } = live;
    log.paused = paused;
    log.lines++;
    const input = defined({ paused, connection });
    const summary = `record who ${paused ? 'paused' : 'resumed'} the load`;
    await CancellationScope.nonCancellable(() =>
      logActivities.notePause.executeWithOptions({ summary }, [input]),
    ).catch(() => undefined);
  }
  log.isWriting = false;
}

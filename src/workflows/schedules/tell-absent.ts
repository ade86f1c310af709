/** Starts the messages about a run that did not begin. */
import { log, workflowInfo } from '@temporalio/workflow';
import { dueSuffix, loadIdFrom } from '../../domain/load-ids.js';
import { defined } from '../../domain/defined.js';
import { count } from '../../domain/text/format.js';
import { zonedMoment } from '../../domain/text/zoned-moment.js';
import type { NotifyFacts } from '../../protocol/activities/notify-types.js';
import { startMessages } from '../notify/start-messages.js';
import type { AbsentRun, WhyAbsent } from './due-runs.js';

/** Of a run that there is not. */
const NO_RUN = '00000000-0000-0000-0000-000000000000';

const REASONS: Record<WhyAbsent, { code: string; words: string }> = {
  skipped: {
    code: 'SCHEDULE_SKIPPED',
    words: 'was skipped, because the load before it was still running.',
  },
  missed: {
    code: 'SCHEDULE_MISSED',
    words: 'was left out, because Temporal was down for longer than the schedule catches up.',
  },
  unknown: {
    code: 'SCHEDULE_NOT_STARTED',
    words: 'did not begin, and Temporal does not say why.',
  },
};

export async function tellAbsent(run: AbsentRun): Promise<void> {
  const { workflowId } = workflowInfo();
  const { schedule, dueAt, why } = run;
  const due = dueSuffix(dueAt);
  const child = `${workflowId}/notStarted/${schedule.id}/${due}`;
  // As Temporal would have named it.
  const missing = `${schedule.workflowId}-${due}`;
  const facts: NotifyFacts = {
    id: child,
    event: 'notStarted',
    at: new Date(Date.now()).toISOString(),
    dueAt: new Date(dueAt).toISOString(),
    loadId: loadIdFrom(missing),
    workflowId: missing,
    runId: NO_RUN,
    connection: schedule.connection,
    object: schedule.object,
    operation: schedule.operation,
    schedule: schedule.id,
    ...defined({ timeZone: schedule.timeZone }),
    error: { code: REASONS[why].code, message: reasonText(run) },
  };
  log.info('a scheduled run did not begin', { schedule: schedule.id, due, why });
  // Told once, also after a reset or a restart of the watcher.
  const failed = await startMessages(child, { facts });
  if (failed !== undefined) log.warn('no message was started', { code: failed });
}

function reasonText({ schedule, dueAt, why, earlier }: AbsentRun): string {
  const others = earlier === 0 ? '' : ` ${count(earlier)} due before it did not begin either.`;
  return `The run that was due at ${zonedMoment(dueAt, schedule.timeZone)} ${REASONS[why].words}${others}`;
}

/** Watches whether a load will end by its hour, tells people once if not, and does what the load's input allows. */
import { condition, upsertMemo, workflowInfo } from '@temporalio/workflow';
import { LATE_MEMO } from '../../../contract/names.js';
import { defined } from '../../../domain/defined.js';
import type { PastLoads } from '../../../domain/forecast/past-loads.js';
import { isLate, lateFrom } from '../../../domain/forecast/late.js';
import { ANY_WORKER } from '../../../domain/file-groups.js';
import { clock, pastClock } from '../../../domain/text/format.js';
import type { ReadPastLoadsInput } from '../../../protocol/activities/history-types.js';
import { notify, waitsToTell } from '../../notify/notify.js';
import { waitOf } from '../../notify/watch-waits.js';
import { fileActivities, readActivities } from '../../support/activity-options.js';
import { scheduleOf } from '../../support/schedule.js';
import { enterWarnings } from '../../support/warnings.js';
import type { Load } from '../load.js';
import { forecastOf, loadNow } from './finish.js';
import type { Finish } from './finish-state.js';

/** A look costs a timer. */
const MIN_LOOK_MS = 5 * 60_000;

export async function watchFinish(load: Load): Promise<void> {
  const { finish } = load.state;
  if (finish === undefined || finish.lateAt !== undefined) return;
  await readPast(load, finish);
  for (;;) {
    const now = Date.now();
    const from = lateFrom(loadNow(load), finish.by);
    if (from <= now) break;
    const look = Math.max(from - now, Math.min(MIN_LOOK_MS, finish.by - now));
    await condition(() => isLate(loadNow(load), finish.by), look, { summary: 'until the load would be late' });
  }
  await enterLate(load, finish);
}

/** Any worker may have the index; if the output is a folder, surely those that see the source. */
async function readPast(load: Load, finish: Finish): Promise<void> {
  if (finish.past !== undefined) return;
  enterPast(finish, await askForPast(load));
  if (finish.past !== undefined) return;
  void condition(() => load.isPlanned)
    .then(() => askForPast(load, load.located.filesQueue))
    .then((past) => enterPast(finish, past))
    // Of a load that ends before it is planned, this wait is canceled: unhandled, that would stop the workflow.
    .catch(() => undefined);
}

function enterPast(finish: Finish, past: PastLoads | undefined): void {
  if (past !== undefined) finish.past = past;
}

async function askForPast(load: Load, queue = ANY_WORKER): Promise<PastLoads | undefined> {
  const { input, settings } = load;
  const asked: ReadPastLoadsInput = {
    connection: settings.connection,
    object: input.object,
    operation: input.operation,
    ...defined({ schedule: scheduleOf(workflowInfo()), output: input.output }),
  };
  const { readPastLoads } =
    queue === ANY_WORKER ? readActivities : fileActivities({ filesQueue: queue }, settings.outageMs);
  const summary = `how long past loads of ${input.object} took`;
  // Without them the forecast begins with the first rows.
  const { past } = await readPastLoads.executeWithOptions({ summary }, [asked]).catch(() => ({ past: undefined }));
  return past;
}

async function enterLate(load: Load, finish: Finish): Promise<void> {
  const now = Date.now();
  const forecast = forecastOf(load);
  finish.lateAt = now;
  const end = forecast?.endsAt === undefined ? 'later' : `about ${clock(Date.parse(forecast.endsAt), now)}`;
  load.log('load will be late', { finishBy: forecast?.finishBy, endsAt: forecast?.endsAt });
  enterWarnings(load.state.warnings, [
    `At ${pastClock(now, now)} the load was expected to end ${end}, and should end by ${pastClock(finish.by, now)}${MEASURES[load.input.whenLate ?? 'warn']}.`,
  ]);
  upsertMemo({ [LATE_MEMO]: true });
  load.noteChange();
  load.showDetails();
  if ((await waitsToTell(load)) === undefined) return;
  const { whenLate } = load.input;
  const { endsAt, earliest, latest, finishBy } = forecast ?? {};
  await notify(load, 'late', {
    ...defined({ waitingFor: waitOf(load)?.text, whenLate }),
    finishBy: new Date(finish.by).toISOString(),
    ...(endsAt !== undefined &&
      finishBy !== undefined && { forecast: defined({ endsAt, earliest, latest, finishBy, whenLate }) }),
  });
}

const MEASURES = {
  warn: '',
  raisePriority: ', and the rest of its parts got priority 1',
  moreParallel: ', and the rest of its parts ran twice as many at a time',
} as const;

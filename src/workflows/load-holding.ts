/**
 * Rows that failed for good are made right: by the user's own fixer, and by people, for whom the load waits. What they
 * send back is checked against the rejected rows, and goes into the same load.
 */
import { ActivityCancellationType, ActivityFailure, ApplicationFailure, TimeoutFailure } from '@temporalio/common';
import { condition, isCancellation, proxyActivities, setHandler, workflowInfo } from '@temporalio/workflow';
import type { BulkLoadInput, Corrections, CorrectionsTaken, FixerInput, LoadError } from '../contract.js';
import type { LocatedSource, Stage, TakenCorrections } from '../activities/types.js';
import { innermostFailure, toLoadError } from './failures.js';
import type { LoadSettings } from './input.js';
import { isObject } from './input-fields.js';
import { enterPhase } from './load-ending.js';
import type { Live } from './load-parts.js';
import { sendCorrected } from './load-retry.js';
import type { LoadRun } from './load-run.js';
import { submitCorrectionsUpdate } from './messages.js';
import { correctionsTrouble, readCorrections } from './received.js';
import { onFiles } from './steps.js';
import { count, moment, nameOf, time } from './words.js';

/** Takes corrections while the load holds, one file at a time. */
export function listenForCorrections(
  input: BulkLoadInput,
  settings: () => LoadSettings,
  run: LoadRun,
  live: Live,
): void {
  setHandler(
    submitCorrectionsUpdate,
    async (message): Promise<CorrectionsTaken> => {
      const corrections = readCorrections(message);
      // Several may have waited for the same moment: only the first of them goes on.
      while (live.holding === true && (live.correcting === true || run.phase !== 'holding')) {
        await condition(() => live.holding !== true || (live.correcting !== true && run.phase === 'holding'));
      }
      if (live.holding !== true) throw notHolding(run);
      live.correcting = true;
      try {
        const taken = await take(input, settings(), run, corrections);
        // Nobody would send them: the load was canceled meanwhile.
        if (!isHolding(live)) throw notHolding(run);
        live.corrected = taken;
        const { rows, remaining, warnings } = taken;
        return { rows, remaining, ...(warnings && { warnings }) };
      } finally {
        // Rows that were taken are sent before anybody else may send some.
        live.correcting = live.corrected !== undefined;
        live.changes++;
      }
    },
    {
      description:
        'Rejected rows, corrected: a file: URI of a CSV in the shape of the rejected file. Taken while the load holds.',
      validator: (message: unknown) => {
        if (live.holding !== true) throw notHolding(run);
        const trouble = correctionsTrouble(message);
        if (trouble !== undefined) throw refusal(trouble);
      },
    },
  );
}

/** Asked anew after each wait. */
function isHolding({ holding }: Live): boolean {
  return holding === true;
}

function notHolding({ phase }: LoadRun): ApplicationFailure {
  return ApplicationFailure.nonRetryable(
    `The load takes corrections while it holds; now its phase is ${phase}. Once it has ended, load the corrected file as a load of its own.`,
    'LOAD_NOT_HOLDING',
  );
}

function refusal(message: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, 'CORRECTIONS_REFUSED');
}

/** Takes corrected rows out of the rejected ones. */
async function take(
  input: BulkLoadInput,
  settings: LoadSettings,
  run: LoadRun,
  { source, delimiter, encoding }: Corrections,
  fromFixer = false,
): Promise<TakenCorrections & { name: string }> {
  const { filesQueue, workUri } = run.located as LocatedSource;
  const name = `correct-${++run.corrections}`;
  const taken = await onFiles(filesQueue, settings.outageMs).takeCorrections.executeWithOptions(
    { summary: `corrected rows from ${nameOf(source)}` },
    [
      {
        source,
        ...(delimiter !== undefined && { delimiter }),
        ...(encoding !== undefined && { encoding }),
        stage: run.stage as Stage,
        rejected: run.files.rejected,
        ended: run.ended,
        connection: settings.connection,
        fromFixer,
        operation: input.operation,
        blankAsNull: input.blankAsNull ?? false,
        nextStageUri: `${workUri}${name}/`,
        partMaxBytes: settings.partMaxBytes,
      },
    ],
  );
  run.warnings.push(...(taken.warnings ?? []));
  return { ...taken, name };
}

/** From here on the corrected rows are no longer rejected: what becomes of them is counted anew. */
async function send(
  input: BulkLoadInput,
  settings: LoadSettings,
  run: LoadRun,
  live: Live,
  taken: NonNullable<Live['corrected']>,
): Promise<void> {
  const { files, books } = run;
  const before = { files: files.rejected, rows: books.rejected };
  files.rejected = taken.rejected === undefined ? [] : [taken.rejected];
  books.rejected = taken.remaining;
  try {
    await sendCorrected(input, settings, run, live, taken);
  } catch (error) {
    // A child that runs answers a cancel with a result; this one was never started, so the rows are rejected as before.
    if (isCancellation(error)) {
      files.rejected = before.files;
      books.rejected = before.rows;
    } else run.error ??= toLoadError(error);
    throw error;
  }
}

/** The user's own activity gets the rejected rows, as long as what it returns makes some of them land. */
export async function letFixerCorrect(
  input: BulkLoadInput,
  settings: LoadSettings,
  run: LoadRun,
  live: Live,
): Promise<void> {
  const { fixer } = settings;
  if (fixer === undefined || !canBeCorrected(run)) return;
  for (let round = 1; round <= Math.max(1, settings.retry.maxRounds) && run.books.rejected > 0; round++) {
    const landed = run.books.succeeded;
    try {
      enterPhase(run, live, 'retrying');
      live.waitingFor = `${fixer.activity} on ${fixer.taskQueue} to correct ${count(run.books.rejected)} rejected rows`;
      live.show();
      const answer = await callFixer(input, settings, run, fixer);
      if (!hasSource(answer)) return;
      const trouble = correctionsTrouble(answer);
      if (trouble !== undefined) throw refusal(trouble);
      const taken = await take(input, settings, run, readCorrections(answer), true);
      if (taken.left !== undefined) {
        run.warnings.push(
          `${count(taken.left)} ${taken.left === 1 ? 'row' : 'rows'} that the fixer ${fixer.activity} corrected ${taken.left === 1 ? 'was' : 'were'} not sent: a newer row of the source with the same key landed, or may have.`,
        );
      }
      await send(input, settings, run, live, taken);
    } catch (error) {
      if (isCancellation(error)) throw error;
      const { code, message } = fixerError(error, fixer);
      run.warnings.push(`The fixer ${fixer.activity} corrected nothing in round ${round}: ${message} (${code})`);
      return;
    }
    if (!mayGoOn(run) || run.books.succeeded === landed) return;
  }
}

/** Anything else says that there is nothing to correct. */
function hasSource(answer: unknown): boolean {
  return isObject(answer) && 'source' in answer && typeof answer.source === 'string';
}

function fixerError(error: unknown, { activity, taskQueue, timeoutMs }: NonNullable<LoadSettings['fixer']>): LoadError {
  const cause = innermostFailure(error);
  if (cause instanceof TimeoutFailure && cause.timeoutType === 'SCHEDULE_TO_START') {
    const message = `no worker took it from the task queue ${taskQueue} within ${time(timeoutMs)}.`;
    return { code: 'FIXER_NOT_THERE', message };
  }
  // What somebody's program says may be rows: it stays where that program put it.
  if (error instanceof ActivityFailure && error.activityType === activity && cause instanceof ApplicationFailure) {
    const known = /^[A-Z][A-Z_]{1,79}$/.test(cause.type ?? '');
    const message = "it failed; its own words are in this workflow's history, under the activity's name.";
    return { code: known ? (cause.type as string) : 'FIXER_FAILED', message };
  }
  return toLoadError(error);
}

async function callFixer(
  input: BulkLoadInput,
  settings: LoadSettings,
  run: LoadRun,
  { activity, taskQueue, timeoutMs, heartbeatMs }: NonNullable<LoadSettings['fixer']>,
): Promise<unknown> {
  const source = await gather(settings, run);
  const activities = proxyActivities<Record<string, (given: FixerInput) => Promise<unknown>>>({
    taskQueue,
    startToCloseTimeout: timeoutMs,
    // People who hold wait behind it: a fixer that nobody runs must not take their night.
    scheduleToStartTimeout: timeoutMs,
    // Only the activity's author knows whether it sends heartbeats.
    ...(heartbeatMs !== undefined && { heartbeatTimeout: heartbeatMs }),
    retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '1m', maximumAttempts: 5 },
    cancellationType: ActivityCancellationType.TRY_CANCEL,
  });
  const { loadId } = settings;
  const { object, operation } = input;
  return activities[activity]?.({ source, rows: run.books.rejected, loadId, object, operation });
}

/** Waits for people, as long as rejected rows are left and time is. */
export async function holdForCorrections(
  input: BulkLoadInput,
  settings: LoadSettings,
  run: LoadRun,
  live: Live,
): Promise<void> {
  if (settings.holdForMs === 0 || run.books.rejected === 0) return;
  if (!canBeCorrected(run)) {
    run.warnings.push(
      'The load did not hold for corrections: an insert without a unique external id has nothing by which corrected rows could be told apart.',
    );
    return;
  }
  run.holdUntil ??= Date.now() + settings.holdForMs;
  live.holding = true;
  try {
    await takeWhileHolding(input, settings, run, live, run.holdUntil);
  } finally {
    live.holding = false;
    delete live.waitingFor;
  }
}

async function takeWhileHolding(
  input: BulkLoadInput,
  settings: LoadSettings,
  run: LoadRun,
  live: Live,
  holdUntil: number,
): Promise<void> {
  while (run.books.rejected > 0 && mayGoOn(run) && Date.now() < holdUntil) {
    live.rejectedFile = await gather(settings, run);
    const left = holdUntil - Date.now();
    live.waitingFor = `corrections of ${count(run.books.rejected)} rejected rows until ${moment(holdUntil)}`;
    enterPhase(run, live, 'holding');
    await condition(() => live.corrected !== undefined, Math.max(1, left), { summary: `waits for ${live.waitingFor}` });
    // A file that is being read when the time ends still counts.
    while (live.correcting === true && live.corrected === undefined) {
      await condition(() => live.correcting !== true || live.corrected !== undefined);
    }
    const taken = live.corrected;
    if (taken === undefined) continue;
    try {
      await send(input, settings, run, live, taken);
    } finally {
      delete live.corrected;
      live.correcting = false;
    }
  }
}

/** The rejected rows as one file beside the results. */
async function gather(settings: LoadSettings, run: LoadRun): Promise<string> {
  const { filesQueue, outputUri } = run.located as LocatedSource;
  const { uri } = await onFiles(filesQueue, settings.outageMs).gatherRejected.executeWithOptions(
    { summary: `${count(run.books.rejected)} rejected rows` },
    [{ outputUri, runId: workflowInfo().runId, rejected: run.files.rejected }],
  );
  return uri;
}

function canBeCorrected(run: LoadRun): boolean {
  return run.stage?.key !== undefined;
}

export function mayGoOn(run: LoadRun): boolean {
  return run.error === undefined && !run.canceled;
}

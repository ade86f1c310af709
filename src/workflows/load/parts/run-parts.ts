/** Runs the parts of a load, several at a time: a place is filled again as soon as the rows of its part have landed. */
import { allHandlersFinished, CancellationScope, condition, workflowInfo } from '@temporalio/workflow';
import { pauseSignal } from '../../../protocol/messages/load-messages.js';
import { runPart } from '../../children/run-part.js';
import { moveEndedToFiles } from '../../support/ended-part-files.js';
import { notePace } from '../finish-by/finish.js';
import type { Load } from '../load.js';
import { enterJob } from '../load-state.js';
import { readSizes } from './read-sizes.js';
import { knowsSizeOf, recordsOf } from './stage-parts.js';
import { circuitOpen } from '../tally.js';

/** A forecast needs to see the rows pass. */
const REPORT_MS = 10 * 60_000;

/** Records of a part whose download takes longer than telling the parent, which costs both of them events. */
const WORTH_TELLING = 5_000;

/** Running parts for each that the org works on, with those that download their results. */
const MAX_RUNNING = 2;

/** Ends early, once the running parts have finished, when the load must not continue. */
export async function runParts(load: Load): Promise<void> {
  const { state, live, stage, fileActivities } = load;
  state.loadingSince ??= Date.now();
  load.enterPhase('loading');
  try {
    for (;;) {
      const seen = live.changes;
      await moveEndedToFiles(state.ended, fileActivities);
      openCircuit(load);
      // Children would see their parent close: nothing new is started until none is left.
      const isDraining = workflowInfo().continueAsNewSuggested && load.notStartedFrom !== undefined;
      if (!isDraining && !live.paused && load.mayContinue) {
        startParts(load);
        if (hasFreePlace(load) && load.notStartedFrom !== undefined) {
          await readSizes(stage, state.next, fileActivities);
          continue;
        }
      }
      if (live.running.size === 0) {
        if (load.notStartedFrom === undefined || !load.mayContinue) return;
        if (isDraining) {
          await condition(allHandlersFinished);
          await load.continueAsNew();
        }
      }
      await condition(() => live.changes !== seen);
    }
  } finally {
    // A cancellation ends the wait, not the children: each aborts its job and counts what landed.
    await CancellationScope.nonCancellable(() => condition(() => live.running.size === 0));
  }
}

/** A part whose rows have landed takes no place at the org while its results are downloaded. */
function hasFreePlace({ live, parallel }: Load): boolean {
  const parts = [...live.running.values()];
  const atTheOrg = parts.filter(({ landed }) => landed !== true).length;
  return atTheOrg < parallel && parts.length < MAX_RUNNING * parallel;
}

/** Fills the free places, as far as the sizes of the parts are known. */
function startParts(load: Load): void {
  const { state, stage } = load;
  while (hasFreePlace(load) && knowsSizeOf(stage, state.next)) {
    const n = state.next++;
    void startPart(load, n).catch((error: unknown) => {
      // Unforeseen: the load ends, with what landed counted.
      load.fail(error);
      load.live.running.delete(n);
      load.noteChange();
    });
  }
}

async function startPart(load: Load, n: number): Promise<void> {
  const { state, live, stage } = load;
  live.running.set(n, { n, phase: 'creating', processed: 0, failed: 0, total: recordsOf(stage, n) });
  notePace(load);
  load.showDetails();
  const result = await runPart(
    {
      ...load.jobSettings,
      reportProgress: true,
      ...(recordsOf(stage, n) >= WORTH_TELLING && load.notStartedFrom !== undefined && { reportLanded: true }),
      ...(state.finish !== undefined && { reportEveryMs: REPORT_MS }),
      ...(state.tally.disagreeing > 0 && { waitsShort: true }),
    },
    { stage, part: n, name: `part-${n}` },
    {
      onStarted: (name) => {
        live.started.set(n, name);
        delete live.waitingFor;
        if (live.paused) live.signals.sendSoon(name, pauseSignal);
      },
      onWait: (text) => load.waitFor(text),
    },
  );
  live.started.delete(n);
  enterJob(state, stage, result);
  state.canceled ||= result.canceled;
  live.running.delete(n);
  notePace(load);
  load.noteChange();
  load.showDetails();
}

/** Stops further parts from starting when too many rows fail permanently. */
function openCircuit({ settings: { abortWhen }, state, stage, notStartedFrom }: Load): void {
  if (state.error !== undefined || notStartedFrom === undefined || !circuitOpen(state.tally, abortWhen)) return;
  const { failedForGood, succeeded, failed } = state.tally;
  state.error = {
    code: 'CIRCUIT_OPEN',
    message:
      `${failedForGood} of the first ${succeeded + failed} rows failed permanently, more than abortWhen allows (${abortWhen.failedRatio}). ` +
      `Parts ${notStartedFrom} to ${stage.parts} were not started: their rows are in the unprocessed file. ` +
      'Check the reasons in the rejected file, fix the cause, and load both files.',
  };
}

/** The window of running parts: slots are refilled as soon as one ends; nothing is started that should not be. */
import { allHandlersFinished, CancellationScope, condition, continueAsNew, workflowInfo } from '@temporalio/workflow';
import type { BulkLoadInput, BulkLoadResult } from '../contract.js';
import type { Stage, TakenCorrections } from '../activities/types.js';
import { circuitOpen } from './books.js';
import type { bulkLoad } from './bulk-load.js';
import { runPart, signalChild } from './children.js';
import type { JobTemplate } from './children.js';
import { toLoadError } from './failures.js';
import type { LoadSettings } from './input.js';
import { enterJob, evidenceFor, knowsSizeOf, recordsOf } from './load-run.js';
import type { PartNow } from './job-run.js';
import type { LoadRun } from './load-run.js';
import { pauseSignal } from './messages.js';
import { noteEnded } from './noted-parts.js';
import { handOn } from './origin.js';
import { onFiles } from './steps.js';

/** What messages from outside change, and how the parts are doing. Lives as long as the run. */
export interface Live {
  paused: boolean;
  waitingFor?: string;
  /** While it holds: `file:` URI of the rows that wait for corrections. */
  rejectedFile?: string;
  /** Name of the child that sends rows again, once it has begun. */
  retrying?: string;
  /** From the beginning of the hold to its end: who comes later is told so. */
  holding?: boolean;
  /** Corrections are read or sent: others wait. */
  correcting?: boolean;
  /** Corrected rows that are to be sent. */
  corrected?: TakenCorrections & { name: string };
  running: Map<number, PartNow>;
  /** Names of the children that have begun, by part: one that was terminated goes on under another. */
  started: Map<number, string>;
  /** Counts whatever may allow another step. */
  changes: number;
  /** Brings the load's page in the UI up to date. */
  show: (result?: BulkLoadResult) => void;
}

/** Runs all parts; ends early, with what runs finished, when the load must not go on. */
export async function loadParts(
  input: BulkLoadInput,
  settings: LoadSettings,
  run: LoadRun,
  live: Live,
  template: JobTemplate,
): Promise<void> {
  const stage = run.stage as Stage;
  const last = stage.parts;
  const files = onFiles(template.filesQueue, settings.outageMs);
  try {
    for (;;) {
      const seen = live.changes;
      await noteEnded(run.ended, files);
      openCircuit(run, settings, last);
      // Children would be told that their parent closed: nothing new is started until none is left.
      const draining = workflowInfo().continueAsNewSuggested && run.next <= last;
      const mayStart = !draining && !live.paused && run.error === undefined && !run.canceled;
      while (mayStart && live.running.size < settings.maxConcurrent && knowsSizeOf(stage, run.next)) {
        const n = run.next++;
        void startPart(run, live, template, stage, n).catch((error: unknown) => {
          // Not foreseen: the load ends, with what landed counted.
          run.error ??= toLoadError(error);
          live.running.delete(n);
          live.changes++;
        });
      }
      if (mayStart && live.running.size < settings.maxConcurrent && run.next <= last) {
        const summary = `sizes of the parts from ${run.next} on`;
        stage.sizes = await files.readPartSizes.executeWithOptions({ summary }, [
          { stageUri: stage.uri, from: run.next },
        ]);
        continue;
      }
      if (live.running.size === 0) {
        if (run.next > last || run.error !== undefined || run.canceled) return;
        if (draining) {
          await condition(allHandlersFinished);
          await continueAsNew<typeof bulkLoad>(input, handOn(run));
        }
      }
      await condition(() => live.changes !== seen);
    }
  } finally {
    // A cancel ends the wait, not the children: each aborts its job and counts what landed.
    await CancellationScope.nonCancellable(() => condition(() => live.running.size === 0));
  }
}

async function startPart(run: LoadRun, live: Live, template: JobTemplate, stage: Stage, n: number): Promise<void> {
  live.running.set(n, { n, phase: 'creating', processed: 0, failed: 0, total: recordsOf(stage, n) });
  live.show();
  const hasty = run.books.disagreeing > 0;
  const result = await runPart(
    { ...template, evidence: evidenceFor(run, workflowInfo().workflowId), ...(hasty && { hasty }) },
    stage,
    n,
    `part-${n}`,
    {
      onStarted: (name) => {
        live.started.set(n, name);
        delete live.waitingFor;
        if (live.paused) void signalChild(name, pauseSignal);
      },
      onWait: (text) => {
        live.waitingFor = text;
        live.show();
      },
    },
  );
  live.started.delete(n);
  enterJob(run, stage, result);
  run.canceled ||= result.canceled;
  live.running.delete(n);
  live.changes++;
  live.show();
}

/** Keeps further parts from being started when too many rows fail for good. */
function openCircuit(run: LoadRun, { abortWhen }: LoadSettings, last: number): void {
  if (run.error !== undefined || run.next > last || !circuitOpen(run.books, abortWhen)) return;
  const { failedForGood, succeeded, failed } = run.books;
  run.error = {
    code: 'CIRCUIT_OPEN',
    message:
      `${failedForGood} of the first ${succeeded + failed} rows failed for good, more than abortWhen allows (${abortWhen.failedRatio}). ` +
      `Parts ${run.next} to ${last} were not started: their rows are in the unprocessed file. ` +
      'Look at the reasons in the rejected file, mend the cause, and load both files.',
  };
}

/** The first of the parts that were never started, if there are any. */
export function notStartedFrom({ next, stage }: LoadRun): number | undefined {
  return stage !== undefined && next <= stage.parts ? next : undefined;
}

/** Calls about the job that counts, each with its requests booked. */
import { setCurrentDetails } from '@temporalio/workflow';
import type { PartPhase } from '../contract.js';
import type { Counted, JobLook, JobRef, ResultCounts } from '../activities/types.js';
import { requestsOf } from './failures.js';
import { enterWarnings } from './load-run.js';
import { countRequests, enterLook, questionOf } from './job-run.js';
import type { IngestJobInput, JobRun } from './job-run.js';
import { plain } from './markdown.js';
import { cleanup, shared } from './steps.js';
import type { onFiles } from './steps.js';
import { jobDetails } from './words.js';

export function jobRef(input: IngestJobInput, run: JobRun): JobRef {
  const { connection, apiVersion, stageUri } = input;
  return { connection, apiVersion, jobId: run.jobId as string, stageUri };
}

/** Awaits a step that calls Salesforce, and enters its requests however it ends, and its warnings. */
export async function counted<T>(run: JobRun, step: Promise<Counted<T>>): Promise<T> {
  try {
    const { value, requests, warnings, late } = await step;
    countRequests(run, requests);
    enterWarnings(run.warnings, warnings);
    if (late === true) run.doubtAt = Date.now();
    return value;
  } catch (error) {
    countRequests(run, requestsOf(error));
    throw error;
  }
}

/** A new phase, shown on the job's page. */
export function enterJobPhase(input: IngestJobInput, run: JobRun, phase: PartPhase): void {
  run.phase = phase;
  show(input, run);
}

/** Brings the job's page up to date. */
export function show(input: IngestJobInput, run: JobRun): void {
  const { question } = run;
  const { waitingFor } = run.turn;
  setCurrentDetails(
    [
      jobDetails(input, run),
      ...(waitingFor === undefined ? [] : [`- **Waits for the org's allocation**: ${plain(waitingFor)}`]),
      ...(question === undefined ? [] : [`- **Waits for** ${plain(questionOf(input.part, question))}`]),
      ...run.warnings.map((warning) => `- **Note**: ${plain(warning)}`),
    ].join('\n'),
  );
}

/** @param steps how long to try: bounded at the end of a job, as long as an outage may take while the part goes on */
export async function abortCurrent(
  input: IngestJobInput,
  run: JobRun,
  steps: Pick<typeof cleanup, 'abortJob'> = cleanup,
): Promise<void> {
  if (run.jobId === undefined) return;
  const look = await counted(
    run,
    steps.abortJob.executeWithOptions({ summary: `abort ${run.jobId}` }, [jobRef(input, run)]),
  );
  enterLook(run, look, Date.now());
}

export async function look(input: IngestJobInput, run: JobRun, summary: string): Promise<JobLook> {
  const steps = run.canceled || run.error !== undefined ? cleanup : shared(input.outageMs);
  // A retry of a failed look is no reason to poll faster than asked.
  const retry = { initialInterval: input.poll.initialMs, backoffCoefficient: 2, maximumInterval: input.poll.maximumMs };
  run.unseen = true;
  const found = await counted(run, steps.readJob.executeWithOptions({ summary, retry }, [jobRef(input, run)]));
  delete run.unseen;
  enterLook(run, found, Date.now());
  show(input, run);
  return run.last as JobLook;
}

/** Fetches the result files of the job that counts, and counts their rows. */
export async function fetchResults(
  input: IngestJobInput,
  run: JobRun,
  files: ReturnType<typeof onFiles>,
): Promise<ResultCounts> {
  enterJobPhase(input, run, 'downloading');
  return counted(
    run,
    files.downloadResults.executeWithOptions({ summary: `results of ${run.jobId}` }, [
      {
        ...jobRef(input, run),
        stageUri: input.stageUri,
        part: input.part,
        operation: input.operation,
        ...(run.last?.state === 'Failed' && { failed: true }),
      },
    ]),
  );
}

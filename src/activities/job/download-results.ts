/**
 * Downloads a job's three result files, counts their rows, and keeps the files that have any. Safe to repeat: the next
 * attempt resumes at the file that the previous one did not complete.
 */
import type { ResultKind } from '../../domain/platform/result-kind.js';
import { failuresOf, resultDelimiter } from '../../rows/result-file.js';
import type { FailedRows } from '../../rows/result-file.js';
import { detailOf } from '../../salesforce/errors/redacted-detail.js';
import { readHead, readRange } from '../../storage/read-files.js';
import { isThere, makeFolder, removeUnfinishedFiles } from '../../storage/files/file-tree.js';
import type { ActivityDependencies } from '../dependencies.js';
import { connectionOf } from '../dependencies.js';
import { isNoted, noteDetail } from '../results/failure-details.js';
import type { OwnJobs } from './job-ownership.js';
import { saveResult } from './save-result-file.js';
import { loadPlan, partFiles, rangeOf } from '../stage/stage-plan.js';
import type { StagePlan } from '../stage/stage-plan-types.js';
import { announceRows, CountedEvents, processMetrics } from '../metrics.js';
import { runCountedActivity } from '../run-activity.js';
import type { ActivityRun } from '../run-activity.js';
import type { ResultCounts } from '../../protocol/activities/ended-parts.js';
import type { DownloadResultsInput } from '../../protocol/activities/job-types.js';
import type { Counted } from '../../protocol/activities/attempt-types.js';

export function downloadResults(
  dependencies: ActivityDependencies,
  ownJobs: OwnJobs,
): (input: DownloadResultsInput) => Promise<Counted<ResultCounts>> {
  const countedJobs = new CountedEvents();
  return runCountedActivity(async (input, step) => {
    const metrics = processMetrics();
    announceRows(input);
    const { roots } = dependencies;
    const stageFolder = roots.ownPathOf(input.stageUri);
    const plan = await loadPlan(roots, stageFolder);
    const files = partFiles(stageFolder, input.part);
    const connection = connectionOf(dependencies, input.connection);
    await ownJobs.ask(input, connection, { ...step.call, apiVersion: input.apiVersion });
    await makeFolder(files.folder);
    // Of a killed worker: each may have more than 100 MB.
    await removeUnfinishedFiles(files.folder);
    const fetched = { ...step.memory?.fetched };
    const fetch = async (kind: ResultKind, path: string): Promise<number> => {
      const before = fetched[kind];
      if (before !== undefined && (before === 0 || (await isThere(path)))) return before;
      const rows = await saveResult(step, {
        connection,
        apiVersion: input.apiVersion,
        jobId: input.jobId,
        kind,
        plan,
        path,
        sent: rangeOf(plan, input.part),
      });
      fetched[kind] = rows;
      step.memory = { fetched };
      return rows;
    };
    const [succeeded, failed, unprocessed] = await allOf(
      [
        () => fetch('successfulResults', files.succeeded),
        () => fetch('failedResults', files.failed),
        () => fetch('unprocessedrecords', files.unprocessed),
      ],
      // Each request takes the platform some time. After a failure it is asked one thing at a time.
      step.attempt === 1,
    );
    const failures = failed === 0 ? { forGood: 0, locked: 0 } : await lookAtFailed(files.failed, plan, input, step);
    const { stop } = failures;
    const code = stop?.code ?? 'STOPPED';
    if (stop !== undefined) await noteDetail(roots, input, { code, job: input.jobId, text: detailOf(stop.raw) });
    if (input.failed === true) await noteReason(dependencies, input, step);
    if (countedJobs.first(input.jobId)) metrics.add('nightload_lock_failures_total', failures.locked, {});
    return {
      succeeded,
      failed,
      unprocessed,
      failedForGood: failures.forGood,
      ...(failures.locked > 0 && { locked: failures.locked }),
      ...(stop !== undefined && { stop: code }),
    };
  });
}

type Three<T> = [T, T, T];

/** Waits for all, also when one fails: the next attempt does not fetch again what this one has completed. */
async function allOf(fetches: Three<() => Promise<number>>, atOnce: boolean): Promise<Three<number>> {
  const [first, second, third] = fetches;
  if (!atOnce) return [await first(), await second(), await third()];
  const fetched: Three<Promise<number>> = [first(), second(), third()];
  await Promise.allSettled(fetched);
  return Promise.all(fetched);
}

/** The worker that read the job may be on a host without this folder. A failure of this request is ignored. */
async function noteReason(
  { roots, connections }: ActivityDependencies,
  input: DownloadResultsInput,
  step: ActivityRun,
): Promise<void> {
  const { jobId: job, apiVersion } = input;
  const noted = { code: 'JOB_FAILED', job };
  if (await isNoted(roots, input, noted)) return;
  const info = await connections
    .get(input.connection)
    ?.getJob(job, { ...step.call, apiVersion })
    .catch(() => undefined);
  if (info?.errorMessage !== undefined) await noteDetail(roots, input, { ...noted, text: detailOf(info.errorMessage) });
}

async function lookAtFailed(
  path: string,
  plan: StagePlan,
  { operation }: DownloadResultsInput,
  step: ActivityRun,
): Promise<FailedRows> {
  const delimiter = resultDelimiter(await readHead(path, 4096), 'sf__Id', plan.delimiter);
  return failuresOf(readRange(path, 0, undefined, step.signal), delimiter, operation);
}

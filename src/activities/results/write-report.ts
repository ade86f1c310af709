/**
 * Ends a load: writes one `rejected.csv`, one `unprocessed.csv`, `report.html` and `report.json` next to the results. Files of an
 * earlier run of the same load are moved aside, never overwritten.
 */
import type { BulkLoadResult } from '../../contract/load-result.js';
import { printableJson } from '../../domain/text/plain-text.js';
import { ROW_OUTCOMES } from '../../domain/metrics.js';
import type { Recorder } from '../../domain/metrics.js';
import { shownCode } from '../../domain/text/shown-code.js';
import { join, uriOf } from '../../storage/locations.js';
import { isThere, makeFolder, removeFile, removeUnfinished } from '../../storage/files/file-tree.js';
import { saveStream, saveText } from '../../storage/write-files.js';
import { audit } from '../audit-log.js';
import type { ActivityDependencies } from '../dependencies.js';
import { detailOfError, readDetails } from './failure-details.js';
import { allJobs, landedFiles } from './part-outcomes.js';
import { copyForPeople } from './copies-for-people.js';
import { writePages } from '../report/write-pages.js';
import { showMessages } from '../report/show-messages.js';
import { joined, moveEarlierAside, summaryName } from './results-folder.js';
import { RESULT_NAMES } from '../../domain/result-layout.js';
import { ownResultFolder } from './results-owner.js';
import { CountedEvents, LABELS, processMetrics } from '../metrics.js';
import { runActivity } from '../run-activity.js';
import { NightloadError } from '../../errors.js';
import type { FileRoots } from '../../storage/files/file-roots.js';
import { loadPlan, PLAN_FILE } from '../stage/stage-plan.js';
import type { WriteReportInput, WrittenFiles } from '../../protocol/activities/report-types.js';
import { defined } from '../../domain/defined.js';

export function writeReport(dependencies: ActivityDependencies): (input: WriteReportInput) => Promise<WrittenFiles> {
  const countedRuns = new CountedEvents();
  return runActivity(async (input, { signal }) => {
    const metrics = processMetrics();
    const { roots } = dependencies;
    const folder = await ownResultFolder(roots, input.outputUri);
    const work = roots.ownPathOf(input.workUri);
    await moveEarlierAside(
      folder,
      input.report.runId,
      input.report.files.kept === undefined ? [] : [RESULT_NAMES.kept],
    );
    const combine = async (uris: string[], name: string): Promise<string | undefined> => {
      const target = join(folder, name);
      const paths = uris.map((uri) => roots.ownPathOf(uri));
      if (paths.length === 0) {
        await removeFile(target);
        return undefined;
      }
      await saveStream(joined(paths), target, signal, { shared: true });
      return uriOf(target);
    };
    const rejected = await combine(input.rejected, RESULT_NAMES.rejected);
    const unprocessed = await combine(input.unprocessed, RESULT_NAMES.unprocessed);
    const changes = await combine(input.changes, RESULT_NAMES.changes);
    const forPeople: NonNullable<WrittenFiles['forPeople']> = {};
    for (const [kind, uri] of Object.entries({ rejected, unprocessed, changes }) as [
      keyof typeof forPeople,
      unknown,
    ][]) {
      const copy = await copyForPeople(folder, kind, input.defuse === true && uri !== undefined, signal);
      if (copy !== undefined) forPeople[kind] = copy;
    }
    const report = uriOf(join(folder, RESULT_NAMES.report));
    const files: WrittenFiles = {
      ...input.report.files,
      ...defined({ rejected, unprocessed, changes }),
      ...(Object.keys(forPeople).length > 0 && { forPeople }),
      report,
    };
    const succeeded = (await landedFiles(roots, input.ended)).map((path) => uriOf(path));
    const { error } = input.report;
    const details = await readDetails(work);
    const detail = error && detailOfError(error, details);
    // No other step of this load is writing any more.
    await removeUnfinished(folder);
    const complete: BulkLoadResult = {
      ...input.report,
      ...(error && { error: { ...error, ...defined({ detail }) } }),
      ...(details.length > 0 && { details }),
      ...defined({ sources: await sourcesOf(roots, work) }),
      jobs: await allJobs(roots, input.ended),
      files: { ...files, succeeded },
    };
    const { figures, reportHtml, warnings } = await writePages(
      dependencies,
      { input, complete },
      { folder, work, signal },
    );
    Object.assign(files, defined({ reportHtml }));
    Object.assign(complete.files, defined({ reportHtml }));
    if (figures !== undefined) complete.figures = figures;
    if (warnings.length > 0) complete.warnings = [...(complete.warnings ?? []), ...warnings];
    // Written before the report, so that a run that was reset can tell its own report from another run's.
    const { loadId, workflowId, runId, state, records } = input.report;
    if (state === 'Canceled') await audit('cancel', dependencies, { name: input.connection, loadId });
    await makeFolder(work);
    await saveText(JSON.stringify({ loadId, workflowId, runId, state, records }), join(work, summaryName(runId)));
    await saveText(`${printableJson(JSON.stringify(complete, null, 2))}\n`, join(folder, RESULT_NAMES.report), {
      shared: true,
    });
    warnings.push(...(await showEarlierMessages(folder, work, signal)));
    if (countedRuns.first(runId)) countLoad(metrics, input);
    return { ...files, ...(warnings.length > 0 && { warnings }) };
  });
}

/** Those of events before the end. */
async function showEarlierMessages(folder: string, work: string, signal: AbortSignal): Promise<string[]> {
  try {
    await showMessages(folder, work);
    return [];
  } catch (error) {
    signal.throwIfAborted();
    const code = shownCode((error as { code?: string }).code) ?? 'UNEXPECTED';
    return [`Messages that were not delivered could not be entered into the report (${code}).`];
  }
}

/** The numbers of the result: counted here because its labels need a limit per process. */
function countLoad(metrics: Recorder, { report, connection, schedule }: WriteReportInput): void {
  const { object, state, records, retry } = report;
  const labels = { object: LABELS.object.of(object), connection: LABELS.connection.of(connection) };
  for (const outcome of ROW_OUTCOMES) {
    metrics.add('nightload_rows_total', records[outcome], { outcome, ...labels });
  }
  metrics.add('nightload_retry_recovered_rows_total', retry.recovered, {});
  if (state !== 'Completed' && state !== 'CompletedWithRejects') return;
  const finished = { schedule: LABELS.schedule.of(schedule) };
  metrics.set('nightload_load_finish_timestamp_seconds', Date.now() / 1_000, finished);
}

/** Undefined for a source of one file, and without a plan. */
async function sourcesOf(roots: FileRoots, work: string): Promise<BulkLoadResult['sources']> {
  const folder = join(work, 'first');
  if (!(await isThere(join(folder, PLAN_FILE)))) return undefined;
  try {
    return (await loadPlan(roots, folder)).sources;
  } catch (error) {
    // A load whose plan is lost needs its report all the more.
    if (error instanceof NightloadError && error.code === 'WORK_FILES_MISSING') return undefined;
    throw error;
  }
}

/**
 * What a load leaves besides its results: figures for report.json, the page report.html, and its entry in the index of
 * past loads. All of it is made from files and from times that the workflow gives, so that another attempt writes the
 * same. None of it may fail a load: what cannot be written becomes a warning.
 */
import { Context } from '@temporalio/activity';
import type { LoadFigures } from '../../contract/load-figures.js';
import type { BulkLoadResult } from '../../contract/load-result.js';
import { scanRecords } from '../../csv/records.js';
import { defined } from '../../domain/defined.js';
import { phaseSeconds } from '../../domain/history/phase-seconds.js';
import { RESULT_NAMES } from '../../domain/result-layout.js';
import { isDelete } from '../../domain/platform/operations.js';
import { shownCode } from '../../domain/text/shown-code.js';
import { reportPage } from '../../pages/report/report-page.js';
import type { ReportFacts, WriteReportInput } from '../../protocol/activities/report-types.js';
import { RejectedCauses } from '../../rows/causes/rejected-causes.js';
import type { SampledCause } from '../../rows/causes/rejected-causes.js';
import { saveEntry } from '../../storage/history-index.js';
import { basename, dirname, join, pathOrUri, uriOf } from '../../storage/locations.js';
import { saveText } from '../../storage/write-files.js';
import { allocationOf } from '../dependencies.js';
import type { ActivityDependencies } from '../dependencies.js';
import { joined } from '../results/results-folder.js';
import { linkToWorkflow } from '../ui-links.js';
import { countChanges } from './count-changes.js';
import { passFigures } from './pass-figures.js';

/** Causes on the page; the rows of further ones are counted together. */
const MAX_CAUSES = 20;

export interface Pages {
  figures?: LoadFigures;
  reportHtml?: string;
  warnings: string[];
}

interface Place {
  /** Of the load's results. */
  folder: string;
  /** Of the run's working files. */
  work: string;
  signal: AbortSignal;
}

/** @param complete the result with all jobs and files */
export async function writePages(
  dependencies: ActivityDependencies,
  { input, complete }: { input: WriteReportInput; complete: BulkLoadResult },
  place: Place,
): Promise<Pages> {
  const { facts } = input;
  if (facts === undefined) return { warnings: [] };
  const warnings: string[] = [];
  const attempt = async <T>(what: string, write: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await write();
    } catch (error) {
      place.signal.throwIfAborted();
      const code = shownCode((error as { code?: string }).code) ?? 'UNEXPECTED';
      warnings.push(`${what} could not be written (${code}). The results are complete without it.`);
      return undefined;
    }
  };
  const found = await attempt('The figures of the report', () => figuresOf(dependencies, input, { facts, place }));
  if (found === undefined) return { warnings };
  const { figures, causes } = found;
  const reportHtml = await attempt('The page report.html', async () => {
    const { rejected, unprocessed } = complete.files;
    const { uiUrl } = dependencies;
    const text = reportPage({
      result: { ...complete, figures },
      source: shownSource(facts.source),
      connection: facts.connection,
      schedule: input.schedule,
      externalIdFieldName: facts.externalIdFieldName,
      causes,
      places: {
        rejected: rejected && pathOrUri(rejected),
        unprocessed: unprocessed && pathOrUri(unprocessed),
        output: pathOrUri(uriOf(dirname(place.folder))),
      },
      allocation: allocationOf(dependencies, facts.connection),
      uiUrl: uiUrl && linkToWorkflow(uiUrl, Context.current().info.namespace, complete),
    });
    const path = join(place.folder, RESULT_NAMES.reportHtml);
    await saveText(text, path, { shared: true });
    return uriOf(path);
  });
  await attempt('The entry in the index of past loads', () =>
    enterHistory(dependencies, { input, facts, figures, complete }, place),
  );
  return { figures, warnings, ...defined({ reportHtml }) };
}

/** As a person names it in a command; a source may be anything when the load was refused. */
function shownSource(uri: string): string {
  try {
    return pathOrUri(uri);
  } catch {
    return uri;
  }
}

async function figuresOf(
  { roots }: ActivityDependencies,
  { rejected, changes, ended, report }: WriteReportInput,
  { facts, place }: { facts: ReportFacts; place: Place },
): Promise<{ figures: LoadFigures; causes: SampledCause[] }> {
  const { operation } = report;
  const key = isDelete(operation) || operation === 'update' ? 'Id' : facts.externalIdFieldName;
  const byCause = new RejectedCauses({ operation, key });
  // The pieces in the run's own folder: others may have write permission on that of the results.
  const pieces = (uris: string[]): AsyncGenerator<Uint8Array> => joined(uris.map((uri) => roots.ownPathOf(uri)));
  await scanRecords(watched(pieces(rejected), place.signal), { delimiter: ',' }, (record) => byCause.add(record));
  const { causes, other } = byCause.finish(MAX_CAUSES);
  const figures: LoadFigures = {
    startedAt: iso(facts.startedAt),
    endedAt: iso(facts.endedAt),
    ...(facts.finishBy !== undefined && { finishBy: iso(facts.finishBy) }),
    phases: facts.timeline.phases.map(({ phase, at }) => ({ phase, at: iso(at) })),
    pauses: facts.timeline.pauses.map(({ from, to }) => ({ from: iso(from), to: iso(to) })),
    ...(await passFigures(roots, ended)),
    rejectedBy: causes.map(({ cause }) => cause),
    rejectedOther: other,
    changedBy: await countChanges(watched(pieces(changes), place.signal)),
  };
  return { figures, causes };
}

async function enterHistory(
  { roots }: ActivityDependencies,
  {
    input,
    facts,
    figures,
    complete,
  }: { input: WriteReportInput; facts: ReportFacts; figures: LoadFigures; complete: BulkLoadResult },
  { folder, work }: Place,
): Promise<void> {
  const { loadId, workflowId, runId, object, operation, state, records, retry, jobsTotal, apiRequests } = complete;
  const { startedAt, endedAt, sent, locked, batches } = figures;
  await saveEntry(roots.checked(dirname(folder)), {
    version: 1,
    ...{ loadId, workflowId, runId, run: basename(work), connection: facts.connection, object, operation, state },
    ...{ startedAt, endedAt, records, sent, locked, batches, apiRequests, jobs: jobsTotal },
    retry: { rounds: retry.rounds, recovered: retry.recovered },
    seconds: phaseSeconds(figures),
    ...defined({ schedule: input.schedule, error: complete.error?.code, finishBy: figures.finishBy }),
  });
}

async function* watched(chunks: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    signal.throwIfAborted();
    yield chunk;
  }
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

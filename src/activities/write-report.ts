/**
 * The end of a load: one `rejected.csv`, one `unprocessed.csv` and `report.json` beside the results. Files of an
 * earlier run of the same load are moved aside, never overwritten.
 */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { defused } from '../csv/defuse.js';
import type { BulkLoadResult } from '../contract.js';
import { ForeignFile, makeFolder, readRange, removeFile, saveStream, saveText } from '../storage/files.js';
import { audit } from './audit.js';
import type { ActivityDependencies } from './dependencies.js';
import { detailOfError, readDetails } from './details.js';
import { allJobs, landedFiles } from './ended-parts.js';
import { joined, moveEarlierAside, RESULT_NAMES, summaryName } from './result-folder.js';
import { ownResultFolder } from './result-owner.js';
import { step } from './step.js';
import type { WriteReportInput, WrittenFiles } from './types.js';

export function writeReport(dependencies: ActivityDependencies): (input: WriteReportInput) => Promise<WrittenFiles> {
  return step(async (input, { signal }) => {
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
      return pathToFileURL(target).href;
    };
    const rejected = await combine(input.rejected, RESULT_NAMES.rejected);
    const unprocessed = await combine(input.unprocessed, RESULT_NAMES.unprocessed);
    const changes = await combine(input.changes, RESULT_NAMES.changes);
    const forPeople = await copiesForPeople(folder, { rejected, unprocessed, changes }, input.defuse === true, signal);
    const report = pathToFileURL(join(folder, RESULT_NAMES.report)).href;
    const files: WrittenFiles = {
      ...input.report.files,
      ...(rejected !== undefined && { rejected }),
      ...(unprocessed !== undefined && { unprocessed }),
      ...(changes !== undefined && { changes }),
      ...(forPeople && { forPeople }),
      report,
    };
    const succeeded = (await landedFiles(roots, input.ended)).map((path) => pathToFileURL(path).href);
    const { error } = input.report;
    const details = await readDetails(work);
    const detail = error && detailOfError(error, details);
    const complete: BulkLoadResult = {
      ...input.report,
      ...(error && { error: { ...error, ...(detail !== undefined && { detail }) } }),
      ...(details.length > 0 && { details }),
      jobs: await allJobs(roots, input.ended),
      files: { ...files, succeeded },
    };
    // Before the report: by it a run that was reset tells its own report from that of another.
    const { loadId, workflowId, runId, state, records } = input.report;
    if (state === 'Canceled') await audit('cancel', dependencies, { name: input.connection, loadId });
    await makeFolder(work);
    await saveText(JSON.stringify({ loadId, workflowId, runId, state, records }), join(work, summaryName(runId)));
    await saveText(`${JSON.stringify(complete, null, 2)}\n`, join(folder, RESULT_NAMES.report), { shared: true });
    return files;
  });
}

type ForPeople = NonNullable<WrittenFiles['forPeople']>;

/** Those of an earlier attempt that nobody asks for any more go. */
async function copiesForPeople(
  folder: string,
  files: { [K in keyof ForPeople]: string | undefined },
  wanted: boolean,
  signal: AbortSignal,
): Promise<ForPeople | undefined> {
  const copies: ForPeople = {};
  for (const kind of ['rejected', 'unprocessed', 'changes'] as const) {
    const target = join(folder, RESULT_NAMES[`${kind}ForPeople`]);
    if (!wanted || files[kind] === undefined) {
      await removeFile(target);
      continue;
    }
    const source = new ForeignFile(join(folder, RESULT_NAMES[kind]));
    await saveStream(defused(readRange(source, 0)), target, signal, { shared: true });
    copies[kind] = pathToFileURL(target).href;
  }
  return Object.keys(copies).length > 0 ? copies : undefined;
}

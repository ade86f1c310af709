/**
 * Fetches a job's three result files, counts their rows, and keeps those that have any. Repeated freely; the next attempt
 * goes on with the file that the one before it did not get.
 */
import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { NightloadError } from '../errors.js';
import type { SalesforceConnection, ResultKind } from '../salesforce/connection.js';
import { failuresOf, resultDelimiter, RowCount } from '../csv/results.js';
import type { FailedRows } from '../csv/results.js';
import { readHead, readRange, saveStream } from '../storage/files.js';
import type { ActivityDependencies } from './dependencies.js';
import { connectionOf } from './dependencies.js';
import { loadPlan, partFiles } from './stage.js';
import type { StagePlan } from './stage.js';
import { countedStep } from './step.js';
import type { Step } from './step.js';
import type { Counted, DownloadResultsInput, ResultCounts } from './types.js';

export function downloadResults(
  dependencies: ActivityDependencies,
): (input: DownloadResultsInput) => Promise<Counted<ResultCounts>> {
  return countedStep(async (input, step) => {
    const stageFolder = await dependencies.roots.pathOf(input.stageUri);
    const plan = await loadPlan(stageFolder);
    const files = partFiles(stageFolder, input.part);
    const connection = connectionOf(dependencies, input.connection);
    await mkdir(files.folder, { recursive: true });
    const fetched = { ...step.memory?.fetched };
    const fetch = async (kind: ResultKind, path: string): Promise<number> => {
      const before = fetched[kind];
      if (before !== undefined && (before === 0 || existsSync(path))) return before;
      const rows = await save(connection, plan, input, kind, path, step);
      fetched[kind] = rows;
      step.memory = { fetched };
      return rows;
    };
    const succeeded = await fetch('successfulResults', files.succeeded);
    const failed = await fetch('failedResults', files.failed);
    const unprocessed = await fetch('unprocessedrecords', files.unprocessed);
    const failures = failed === 0 ? { forGood: 0 } : await lookAtFailed(files.failed, plan, input, step);
    return {
      succeeded,
      failed,
      unprocessed,
      failedForGood: failures.forGood,
      ...(failures.stop !== undefined && { stop: failures.stop }),
    };
  });
}

async function save(
  connection: SalesforceConnection,
  plan: StagePlan,
  { jobId, apiVersion }: DownloadResultsInput,
  kind: ResultKind,
  path: string,
  step: Step,
): Promise<number> {
  const firstColumn = kind === 'unprocessedrecords' ? (plan.names[0] as string) : 'sf__Id';
  const count = new RowCount(firstColumn, plan.delimiter);
  const { stream } = await connection.openResult(jobId, kind, { ...step.call, apiVersion });
  await saveStream(count.through(progress(csvOnly(stream), step)), path, step.signal);
  const rows = count.finish();
  if (rows === 0) await rm(path, { force: true });
  return rows;
}

/** What begins like a page or like JSON is none of the platform's files, whatever its headers call it. */
async function* csvOnly(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let begun = false;
  for await (const chunk of chunks) {
    const first: string = begun ? '' : chunk.toString('latin1').trimStart().charAt(0);
    if (['<', '{', '['].includes(first)) {
      throw new NightloadError(
        'SALESFORCE_UNEXPECTED_REPLY',
        'A result file of Salesforce is no CSV: this may be a maintenance page or a proxy in between. It is fetched again; ' +
          'if it stays, check the instance URL and the proxy.',
        { retryable: true },
      );
    }
    begun ||= first !== '';
    yield chunk;
  }
}

async function* progress(chunks: AsyncIterable<Buffer>, step: Step): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    step.bytes += chunk.length;
    yield chunk;
  }
}

async function lookAtFailed(
  path: string,
  plan: StagePlan,
  { operation }: DownloadResultsInput,
  step: Step,
): Promise<FailedRows> {
  const delimiter = resultDelimiter(await readHead(path, 4096), 'sf__Id', plan.delimiter);
  return failuresOf(readRange(path, 0, undefined, step.signal), delimiter, operation);
}

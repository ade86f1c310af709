/**
 * The end of a load: one `rejected.csv`, one `unprocessed.csv` and `report.json` beside the results. Files of an
 * earlier run of the same load are moved aside, never overwritten.
 */
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { HEAD_BYTES } from '../csv/dialect.js';
import { firstRecord } from '../csv/scanner.js';
import { shortRunId } from '../layout.js';
import { readHead, readRange, saveStream, saveText } from '../storage/files.js';
import { KEPT_FILE } from './keep-columns.js';
import type { ActivityDependencies } from './dependencies.js';
import { step } from './step.js';
import type { WriteReportInput, WrittenFiles } from './types.js';

export const RESULT_NAMES = {
  rejected: 'rejected.csv',
  unprocessed: 'unprocessed.csv',
  changes: 'changes.csv',
  kept: KEPT_FILE,
  report: 'report.json',
} as const;

export function writeReport(dependencies: ActivityDependencies): (input: WriteReportInput) => Promise<WrittenFiles> {
  return step(async (input) => {
    const { roots } = dependencies;
    const folder = await roots.pathOf(input.outputUri);
    await mkdir(folder, { recursive: true });
    await moveEarlierAside(folder, input.report.runId);
    const combine = async (uris: string[], name: string): Promise<string | undefined> => {
      const target = join(folder, name);
      const paths = await Promise.all(uris.map((uri) => roots.pathOf(uri)));
      if (paths.length === 0) {
        await rm(target, { force: true });
        return undefined;
      }
      await saveStream(joined(paths), target);
      return pathToFileURL(target).href;
    };
    const rejected = await combine(input.rejected, RESULT_NAMES.rejected);
    const unprocessed = await combine(input.unprocessed, RESULT_NAMES.unprocessed);
    const changes = await combine(input.changes, RESULT_NAMES.changes);
    const report = pathToFileURL(join(folder, RESULT_NAMES.report)).href;
    const files: WrittenFiles = {
      ...input.report.files,
      ...(rejected !== undefined && { rejected }),
      ...(unprocessed !== undefined && { unprocessed }),
      ...(changes !== undefined && { changes }),
      report,
    };
    await saveText(`${JSON.stringify({ ...input.report, files }, null, 2)}\n`, join(folder, RESULT_NAMES.report));
    return files;
  });
}

/** Files with the same header, as one. */
export async function* joined(paths: string[]): AsyncGenerator<Uint8Array> {
  for (const [index, path] of paths.entries()) {
    let start = 0;
    if (index > 0) {
      start = firstRecord(await readHead(path, HEAD_BYTES), ',')?.end ?? 0;
    }
    yield* readRange(path, start) as AsyncIterable<Buffer>;
  }
}

/** A load that failed and was started again under its id: what it left behind the first time stays readable. */
export async function moveEarlierAside(folder: string, runId: string): Promise<void> {
  const report = join(folder, RESULT_NAMES.report);
  if (!existsSync(report)) return;
  const earlier = (JSON.parse(await readFile(report, 'utf8')) as { runId?: string }).runId;
  if (earlier === undefined || earlier === runId) return;
  const aside = join(folder, 'earlier', shortRunId(earlier));
  await mkdir(aside, { recursive: true });
  for (const name of Object.values(RESULT_NAMES)) {
    if (existsSync(join(folder, name))) await rename(join(folder, name), join(aside, name));
  }
}

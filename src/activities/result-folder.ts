/** The folder of a load's results: names of its files, pieces put together, and what an earlier run left there. */
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { HEAD_BYTES } from '../csv/dialect.js';
import { firstRecord } from '../csv/records.js';
import { shortRunId } from '../layout.js';
import { readHead, readRange } from '../storage/files.js';

export const RESULT_NAMES = {
  rejected: 'rejected.csv',
  unprocessed: 'unprocessed.csv',
  changes: 'changes.csv',
  kept: 'succeeded-with-source.csv',
  report: 'report.json',
} as const;

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

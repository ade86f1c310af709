/** Sends one part: the header line, then the byte range of the rows. Nothing is copied; the length is known beforehand. */
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { headerBytes } from '../csv/header.js';
import type { PartRange } from '../csv/parts.js';
import { partFolder } from '../layout.js';
import type { SalesforceConnection } from '../salesforce/connection.js';
import { isId } from '../salesforce/paths.js';
import { holding, readRange } from '../storage/files.js';
import type { ForeignFile } from '../storage/files.js';
import { claimPart, saveClaim } from './claim.js';
import type { ActivityDependencies } from './dependencies.js';
import { connectionOf } from './dependencies.js';
import { checkUnchanged, loadPlan, rangeOf, sourceChanged } from './stage.js';
import type { StagePlan } from './stage.js';
import { countedStep } from './step.js';
import type { Step } from './step.js';
import type { Counted, UploadedPart, UploadPartInput } from './types.js';

export function uploadPart(
  dependencies: ActivityDependencies,
): (input: UploadPartInput) => Promise<Counted<UploadedPart>> {
  return countedStep(async (input, step) => {
    const { roots } = dependencies;
    const stageFolder = roots.ownPathOf(input.stageUri);
    const plan = await loadPlan(roots, stageFolder);
    const range = rangeOf(plan, input.part);
    await checkUnchanged(plan);
    const folder = join(stageFolder, partFolder(input.part));
    const connection = connectionOf(dependencies, input.connection);
    const sentBefore = await claimPart(folder, input.jobId, input.replaces);
    if (sentBefore !== undefined) {
      if (await mayHaveHad(connection, sentBefore, input, step)) return { sentBefore };
      await saveClaim(folder, input.jobId);
    }
    const header = headerBytes(plan.names, plan.delimiter, plan.lineEnding);
    const bytes = header.length + range.end - range.start;
    step.bytesTotal = bytes;
    // Opened once: what comes into its place while it is sent is not sent.
    await holding(plan.rows, (rows) =>
      connection.uploadJobData(input.jobId, bytes, () => body(header, plan, rows, range, step), {
        ...step.call,
        apiVersion: input.apiVersion,
      }),
    );
    return { records: range.records, bytes };
  });
}

/**
 * Whether a job that the part's folder names can have had the part. Whoever may write there could name a job of another
 * program, which the load would then take for its own, and abort. In doubt it had it: no row is sent twice.
 */
async function mayHaveHad(
  connection: SalesforceConnection,
  claimed: string,
  { jobId, apiVersion }: UploadPartInput,
  { call }: Step,
): Promise<boolean> {
  if (!isId(claimed)) return false;
  try {
    const context = { ...call, apiVersion };
    const [one, ours] = [await connection.getJob(claimed, context), await connection.getJob(jobId, context)];
    return (['object', 'operation', 'externalIdFieldName', 'createdById'] as const).every(
      (key) => one[key]?.toLowerCase() === ours[key]?.toLowerCase(),
    );
  } catch {
    return true;
  }
}

/** The last piece is held back until the content is known to be what was planned: else nothing is stored. */
async function* body(
  header: Buffer,
  plan: StagePlan,
  rows: ForeignFile,
  range: PartRange,
  step: Step,
): AsyncGenerator<Uint8Array> {
  step.bytes = header.length;
  let held = header;
  let sum = 0;
  for await (const chunk of readRange(rows, range.start, range.end) as AsyncIterable<Buffer>) {
    yield held;
    held = chunk;
    sum = crc32(chunk, sum);
    step.bytes += chunk.length;
  }
  if (sum !== range.crc) throw sourceChanged(plan);
  await checkUnchanged(plan);
  yield held;
}

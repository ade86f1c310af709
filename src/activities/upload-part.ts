/** Sends one part: the header line, then the byte range of the rows. Nothing is copied; the length is known beforehand. */
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { headerBytes } from '../csv/header.js';
import type { PartRange } from '../csv/parts.js';
import { partFolder } from '../layout.js';
import { holding, readRange } from '../storage/files.js';
import type { ForeignFile } from '../storage/files.js';
import { claimPart } from './claim.js';
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
    const sentBefore = await claimPart(join(stageFolder, partFolder(input.part)), input.jobId, input.replaces);
    if (sentBefore !== undefined) return { sentBefore };
    const header = headerBytes(plan.names, plan.delimiter, plan.lineEnding);
    const bytes = header.length + range.end - range.start;
    step.bytesTotal = bytes;
    // Opened once: what comes into its place while it is sent is not sent.
    await holding(plan.rows, (rows) =>
      connectionOf(dependencies, input.connection).uploadJobData(
        input.jobId,
        bytes,
        () => body(header, plan, rows, range, step),
        { ...step.call, apiVersion: input.apiVersion },
      ),
    );
    return { records: range.records, bytes };
  });
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

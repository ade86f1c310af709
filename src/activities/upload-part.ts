/** Sends one part: the header line, then the byte range of the rows. Nothing is copied; the length is known beforehand. */
import { headerBytes } from '../csv/header.js';
import { readRange } from '../storage/files.js';
import type { ActivityDependencies } from './dependencies.js';
import { connectionOf } from './dependencies.js';
import { checkUnchanged, loadPlan, rangeOf } from './stage.js';
import { countedStep } from './step.js';
import type { Step } from './step.js';
import type { Counted, UploadedPart, UploadPartInput } from './types.js';

export function uploadPart(
  dependencies: ActivityDependencies,
): (input: UploadPartInput) => Promise<Counted<UploadedPart>> {
  return countedStep(async (input, step) => {
    const plan = await loadPlan(await dependencies.roots.pathOf(input.stageUri));
    const { start, end, records } = rangeOf(plan, input.part);
    await checkUnchanged(plan);
    const header = headerBytes(plan.names, plan.delimiter, plan.lineEnding);
    const bytes = header.length + end - start;
    await connectionOf(dependencies, input.connection).uploadJobData(
      input.jobId,
      bytes,
      () => body(header, plan.rows, start, end, step),
      { ...step.call, apiVersion: input.apiVersion },
    );
    // A source that was written to while it was sent may have been sent half old, half new.
    await checkUnchanged(plan);
    return { records, bytes };
  });
}

async function* body(header: Buffer, path: string, start: number, end: number, step: Step): AsyncGenerator<Uint8Array> {
  step.bytes = header.length;
  yield header;
  for await (const chunk of readRange(path, start, end) as AsyncIterable<Buffer>) {
    step.bytes += chunk.length;
    yield chunk;
  }
}

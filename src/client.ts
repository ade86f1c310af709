/** Starting loads, for programs that have a Temporal client. */
import { isDeepStrictEqual } from 'node:util';
import type { Client, WorkflowExecutionDescription } from '@temporalio/client';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { DEFAULT_TASK_QUEUE } from './contract.js';
import type { BulkLoadInput, BulkLoadResult } from './contract.js';
import { NightloadError } from './errors.js';
import { workflowIdOf } from './domain/load-ids.js';
import { describeIfThere, LoadHandle, resultIn } from './load-handle.js';
import { deriveLoadId } from './load-id.js';
import { firstInput } from './start-input.js';
import { resolveInput } from './workflows/input.js';
import { loadIntroduction, loadSummary } from './workflows/words.js';

export interface StartOptions {
  /** @default 'nightload' */
  taskQueue?: string;
  /** Start although an earlier load of this id landed rows. @default false */
  again?: boolean;
}

/** A load was refused because an earlier one of the same id landed rows, or may have. */
export class AlreadyLoadedError extends NightloadError {
  /** What the earlier load came to, when it is still known. */
  readonly earlier: BulkLoadResult | undefined;

  constructor(message: string, earlier: BulkLoadResult | undefined) {
    super('ALREADY_LOADED', message);
    this.earlier = earlier;
  }
}

/**
 * Starts a load, or joins the same one when it runs already.
 * @throws NightloadError `INVALID_INPUT`, `LOAD_ID_IN_USE`, `ALREADY_LOADED`, `SOURCE_NOT_FOUND` when the id must be
 *   derived from the content
 */
export async function startBulkLoad(
  client: Client,
  input: BulkLoadInput,
  options: StartOptions = {},
): Promise<LoadHandle & { joined: boolean }> {
  resolveInput({ loadId: 'not-known-yet', ...input }, '');
  const loadId = input.loadId ?? (await deriveLoadId(input));
  const again = options.again ?? input.again === true;
  const complete: BulkLoadInput = { ...input, loadId, ...(again && { again }) };
  const handle = new LoadHandle(client, workflowIdOf(loadId));
  for (let attempt = 0; ; attempt++) {
    if ((await checkEarlier(client, complete, handle.workflowId)) === 'running')
      return Object.assign(handle, { joined: true });
    try {
      await client.workflow.start('bulkLoad', {
        ...startOf(complete, handle.workflowId),
        taskQueue: options.taskQueue ?? DEFAULT_TASK_QUEUE,
        workflowIdConflictPolicy: 'FAIL',
      });
      return Object.assign(handle, { joined: false });
    } catch (error) {
      // Somebody started the same id in between: look again.
      if (!(error instanceof WorkflowExecutionAlreadyStartedError) || attempt > 2) throw error;
    }
  }
}

/** What every start of a load says, whoever starts it. */
export function startOf(input: BulkLoadInput, workflowId: string) {
  return {
    workflowId,
    args: [input] as [BulkLoadInput],
    workflowIdReusePolicy: 'ALLOW_DUPLICATE',
    staticSummary: loadSummary(input),
    staticDetails: loadIntroduction(input),
  } as const;
}

/**
 * Whether the same load runs already, to be joined, or may be started.
 * @throws NightloadError `LOAD_ID_IN_USE`, `ALREADY_LOADED`
 */
export async function checkEarlier(
  client: Client,
  input: BulkLoadInput,
  workflowId: string,
): Promise<'running' | 'none'> {
  const existing = await describeIfThere(client.workflow.getHandle(workflowId));
  if (existing === undefined) return 'none';
  if (existing.status.name === 'RUNNING') {
    await checkSameInput(client, existing, input);
    return 'running';
  }
  if (input.again !== true) refuseIfLanded(existing);
  return 'none';
}

async function checkSameInput(
  client: Client,
  running: WorkflowExecutionDescription,
  input: BulkLoadInput,
): Promise<void> {
  if (running.type !== 'bulkLoad') {
    throw new NightloadError(
      'LOAD_ID_IN_USE',
      `${running.workflowId} is no load of nightload but a running workflow of the type ${running.type}. Give this load another id, ` +
        `or end that one: temporal workflow cancel --workflow-id '${running.workflowId}'`,
    );
  }
  const before = await firstInput(client, running);
  // Compared as they travel: without the keys that are undefined. Who says `again` means the same load.
  const { again: _now, ...now } = JSON.parse(JSON.stringify(input)) as BulkLoadInput;
  const { again: _then, ...then } = before ?? ({} as BulkLoadInput);
  if (isDeepStrictEqual(then, now)) return;
  throw new NightloadError(
    'LOAD_ID_IN_USE',
    `${running.workflowId} is running with another input. Wait for its end, cancel it, or give this load another id.`,
  );
}

function refuseIfLanded(existing: WorkflowExecutionDescription): void {
  const earlier = resultIn(existing);
  if (earlier !== undefined && earlier.records.succeeded === 0 && earlier.records.unaccounted === 0) return;
  // Nothing was counted before a source could be read, so nothing landed.
  if (earlier !== undefined && earlier.records.total === 0) return;
  throw new AlreadyLoadedError(
    earlier === undefined
      ? `${existing.workflowId} ran before and left no result (${existing.status.name}), so rows of it may have landed. Look, then load it with \`again: true\` (--again).`
      : `${existing.workflowId} ran before and landed ${earlier.records.succeeded} of ${earlier.records.total} rows` +
          `${earlier.records.unaccounted === 0 ? '' : `; of ${earlier.records.unaccounted} more nobody knows whether they landed`}. ` +
          'Load its rejected and unprocessed files instead, or use `again: true` (--again) to load everything once more.',
    earlier,
  );
}

/** Starting loads, for programs that have a Temporal client. */
import { isDeepStrictEqual } from 'node:util';
import type { Client, WorkflowExecutionDescription } from '@temporalio/client';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { DEFAULT_TASK_QUEUE } from './contract.js';
import type { BulkLoadInput, BulkLoadResult } from './contract.js';
import { NightloadError } from './errors.js';
import { keepAsking } from './keep-asking.js';
import type { WaitOptions } from './keep-asking.js';
import { workflowIdOf } from './domain/load-ids.js';
import { describeIfThere, LoadHandle, resultIn, unreadableResultIn } from './load-handle.js';
import { deriveLoadId } from './load-id.js';
import { refuseLargeInput } from './input-size.js';
import { firstInput, firstRunOf } from './start-input.js';
import { placeOf, TemporalError } from './temporal-errors.js';
import { resolveInput } from './workflows/input.js';
import { loadIntroduction, loadSummary } from './workflows/words.js';

/** A start whose answer is lost is asked again: so long, because somebody or a script waits for the id. */
const START_LIMIT_MS = 10 * 60_000;

export interface StartOptions extends WaitOptions {
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
 * Starts a load, or joins the same one when it runs already. An outage of Temporal is waited for, ten minutes unless
 * `limitMs` says otherwise; a start whose answer was lost is looked for before it is asked again, so that it is never
 * started twice.
 * @throws NightloadError `INVALID_INPUT`, `INPUT_TOO_LARGE`, `LOAD_ID_IN_USE`, `ALREADY_LOADED`, `SOURCE_NOT_FOUND` when
 *   the id must be derived from the content; `LOAD_START_UNKNOWN`, `TEMPORAL_…`
 */
export async function startBulkLoad(
  client: Client,
  input: BulkLoadInput,
  options: StartOptions = {},
): Promise<LoadHandle & { joined: boolean }> {
  resolveInput({ loadId: 'not-known-yet', ...input }, '');
  refuseLargeInput(input);
  const loadId = input.loadId ?? (await deriveLoadId(input));
  const again = options.again ?? input.again === true;
  const complete: BulkLoadInput = { ...input, loadId, ...(again && { again }) };
  const handle = new LoadHandle(client, workflowIdOf(loadId));
  const place = placeOf(client);
  /** First run of the load that had this id before, once the start was asked for. */
  let lost: { before: string | undefined } | undefined;
  const start = async (): Promise<boolean> => {
    for (let attempt = 0; ; attempt++) {
      const existing = await describeIfThere(handle);
      const before = existing && firstRunOf(existing);
      if (existing !== undefined && lost !== undefined && before !== lost.before) {
        // The start did arrive, although its answer did not; the load may even have ended since.
        await checkSameInput(client, existing, complete);
        return false;
      }
      if ((await checkFound(client, existing, complete)) === 'running') return true;
      try {
        lost = { before };
        await client.workflow.start('bulkLoad', {
          ...startOf(complete, handle.workflowId),
          taskQueue: options.taskQueue ?? DEFAULT_TASK_QUEUE,
          workflowIdConflictPolicy: 'FAIL',
        });
        return false;
      } catch (error) {
        // Somebody started the same id in between: check again.
        if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
        lost = undefined;
        if (attempt > 2) throw error;
      }
    }
  };
  try {
    const joined = await keepAsking(start, { limitMs: START_LIMIT_MS, ...options, place });
    return Object.assign(handle, { joined });
  } catch (error) {
    if (lost === undefined || !(error instanceof TemporalError) || !error.retryable) throw error;
    throw new NightloadError(
      'LOAD_START_UNKNOWN',
      `Whether ${handle.workflowId} was started is not known: ${error.message} Start it again with the same input: that joins it when it runs. \`nightload watch ${handle.workflowId}\` follows it.`,
      { cause: error, retryable: true },
    );
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
  return checkFound(client, await describeIfThere(new LoadHandle(client, workflowId)), input);
}

async function checkFound(
  client: Client,
  existing: WorkflowExecutionDescription | undefined,
  input: BulkLoadInput,
): Promise<'running' | 'none'> {
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
  const hidden = unreadableResultIn(existing);
  if (hidden !== undefined) {
    throw new AlreadyLoadedError(
      `${existing.workflowId} ran before, and what it came to cannot be read here, so rows of it may have landed. ${hidden.code}: ${hidden.message} ` +
        'Or load it with `again: true` (--again) to load everything once more.',
      undefined,
    );
  }
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

/** Starts loads, for programs with a Temporal client. */
import { isDeepStrictEqual } from 'node:util';
import type { Client, WorkflowExecutionDescription } from '@temporalio/client';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { DEFAULT_TASK_QUEUE } from '../contract/names.js';
import type { BulkLoadInput } from '../contract/load-input.js';
import type { BulkLoadResult } from '../contract/load-result.js';
import { NightloadError } from '../errors.js';
import { keepAsking } from './retry-during-outage.js';
import type { WaitOptions } from './retry-during-outage.js';
import { workflowIdOf } from '../domain/load-ids.js';
import { describeIfThere, LoadHandle, resultIn, unreadableResultIn } from './load-handle.js';
import { refuseLargeInput } from './input-size.js';
import { firstInput, firstRunOf } from './original-input.js';
import { placeOf, TemporalError } from './temporal-errors.js';
import { defined } from '../domain/defined.js';
import { taskPriority } from '../domain/task-priority.js';
import { WORKFLOW_TASK_TIMEOUT } from '../domain/workflow-task-timeout.js';
import { resolveInput } from '../domain/input/resolve-input.js';
import { againAdvice } from '../domain/text/again-advice.js';
import { loadIntroduction, loadSummary } from '../domain/text/load-summary.js';

/** A server that accepts a call and never answers must not block the caller: then it counts as silent. */
const CALL_LIMIT_MS = 60_000;
/** How long a start with a lost answer is retried: a person or a script waits for the id. */
const START_LIMIT_MS = 10 * 60_000;

export interface StartOptions extends WaitOptions {
  /** @default 'nightload' */
  taskQueue?: string;
  /** Start even if an earlier load with this id landed rows. @default false */
  again?: boolean;
}

/** A load was refused because an earlier one with the same id landed rows, or may have. */
export class AlreadyLoadedError extends NightloadError {
  /** The earlier load's result, if still known. */
  readonly earlier: BulkLoadResult | undefined;

  constructor(message: string, earlier: BulkLoadResult | undefined) {
    super('ALREADY_LOADED', message);
    this.earlier = earlier;
  }
}

/**
 * Starts a load, or joins it if it is already running. Waits out a Temporal outage, ten minutes unless `limitMs` is
 * set; a start with a lost answer is looked up before it is retried, so the load never starts twice.
 * @throws NightloadError `INVALID_INPUT`, `INPUT_TOO_LARGE`, `LOAD_ID_IN_USE`, `ALREADY_LOADED`, `SOURCE_NOT_FOUND`
 * when the id must be derived from the content; `LOAD_START_UNKNOWN`, `TEMPORAL_…`
 */
export async function startBulkLoad(
  client: Client,
  input: BulkLoadInput,
  options: StartOptions = {},
): Promise<LoadHandle & { joined: boolean }> {
  resolveInput({ loadId: 'not-known-yet', ...input }, '');
  refuseLargeInput(input);
  const loadId = input.loadId ?? (await (await import('./derive-load-id.js')).deriveLoadId(input));
  const again = options.again ?? input.again === true;
  const complete: BulkLoadInput = { ...input, loadId, ...(again && { again }) };
  const handle = new LoadHandle(client, workflowIdOf(loadId));
  const place = placeOf(client);
  /** First run of the load that had this id before, once the start was requested. */
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
        // Another client started the same id in between: check again.
        if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
        lost = undefined;
        if (attempt > 2) throw error;
      }
    }
  };
  try {
    const inTime = (): Promise<boolean> => client.withDeadline(Date.now() + CALL_LIMIT_MS, start);
    const joined = await keepAsking(inTime, { limitMs: START_LIMIT_MS, ...options, place });
    return Object.assign(handle, { joined });
  } catch (error) {
    if (lost === undefined || !(error instanceof TemporalError) || !error.retryable) throw error;
    throw new NightloadError(
      'LOAD_START_UNKNOWN',
      `It is unknown whether ${handle.workflowId} was started: ${error.message} Start it again with the same input: if it is running, that joins it. \`nightload watch ${handle.workflowId}\` follows it.`,
      { cause: error, retryable: true },
    );
  }
}

/** Options of a start by a client, also in a Nexus operation. */
export function startOf(input: BulkLoadInput, workflowId: string) {
  return { workflowId, workflowIdReusePolicy: 'ALLOW_DUPLICATE', ...workflowOf(input) } as const;
}

/** Options that a schedule has too. */
export function workflowOf(input: BulkLoadInput) {
  return {
    args: [input] as [BulkLoadInput],
    staticSummary: loadSummary(input),
    staticDetails: loadIntroduction(input),
    workflowTaskTimeout: WORKFLOW_TASK_TIMEOUT,
    // Tasks of the workflow itself; those that it creates have the same.
    ...defined({ priority: taskPriority(input) }),
  };
}

/**
 * Whether the same load is already running, to be joined, or may be started.
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
  if (input.again !== true) await refuseIfLanded(existing);
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
      `${running.workflowId} is not a nightload load but a running workflow of type ${running.type}. Give this load another id, ` +
        `or cancel that workflow: temporal workflow cancel --workflow-id '${running.workflowId}'`,
    );
  }
  const before = await firstInput(client, running);
  // Compared in serialized form: without undefined keys. `again` does not make it a different load.
  const { again: _now, ...now } = JSON.parse(JSON.stringify(input)) as BulkLoadInput;
  const { again: _then, ...then } = (before ?? {}) as Record<string, unknown>;
  if (isDeepStrictEqual(then, now)) return;
  throw new NightloadError(
    'LOAD_ID_IN_USE',
    `${running.workflowId} is running with a different input. Wait until it ends, cancel it, or give this load another id.`,
  );
}

async function refuseIfLanded(existing: WorkflowExecutionDescription): Promise<void> {
  const earlier = resultIn(existing);
  const hidden = unreadableResultIn(existing);
  if (hidden !== undefined) {
    throw new AlreadyLoadedError(
      `${existing.workflowId} ran before, and its result is unreadable here, so some of its rows may have landed. ${hidden.code}: ${hidden.message} ` +
        'Or load it with `again: true` (--again) to load everything again.',
      undefined,
    );
  }
  if (earlier !== undefined && earlier.records.succeeded === 0 && earlier.records.unaccounted === 0) return;
  // Rows are counted only once a source can be read, so nothing landed.
  if (earlier !== undefined && earlier.records.total === 0) return;
  throw new AlreadyLoadedError(
    earlier === undefined
      ? `${existing.workflowId} ran before and left no readable result (${existing.status.name}), so some of its rows may have landed. Check, then load it with \`again: true\` (--again).`
      : `${existing.workflowId} ran before and landed ${earlier.records.succeeded} of ${earlier.records.total} rows` +
          `${earlier.records.unaccounted === 0 ? '' : `; for ${earlier.records.unaccounted} more it is unknown whether they landed`}. ` +
          againAdvice(await (await import('./left-files.js')).leftFiles(earlier)),
    earlier,
  );
}

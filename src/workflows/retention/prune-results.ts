/** Removes old result files: on one worker of each group that shares a folder, some folders at a time. */
import { ApplicationFailure } from '@temporalio/common';
import { isCancellation } from '@temporalio/workflow';
import type { PruneResultsInput, PruneResultsResult } from '../../contract/prune-results.js';
import { ANY_WORKER, hostNames } from '../../domain/file-groups.js';
import { innermostFailure, toLoadError } from '../../domain/failures.js';
import { toMs } from '../../domain/input/durations.js';
import { readPruneResultsInput } from '../../domain/input/other-inputs.js';
import type { FileGroup } from '../../domain/file-groups.js';
import type { PrunedOutput } from '../../protocol/activities/retention-types.js';
import { pruneActivities, readActivities } from '../support/activity-options.js';
import { summaryOf } from '../support/summary.js';

/** Steps of all groups together: each is a few events of the history. */
const MAX_STEPS = 1_000;
const MAX_LISTED = 500;
const MAX_UNCLEAR = 100;

export async function pruneResults(given?: PruneResultsInput): Promise<PruneResultsResult> {
  const { age, dryRun } = settingsOf(given);
  const run = { before: Date.now() - age, dryRun, steps: 0, stores: new Set<string>() };
  const total: PruneResultsResult = {
    ...{ dryRun, loads: 0, files: 0, bytes: 0, listed: [], running: 0, recent: 0 },
    ...{ unclear: 0, listedUnclear: [], failedHosts: [], complete: true },
  };
  // One after the other: removing files must not slow down the loads that run.
  for (const group of await groupsToAsk()) await pruneGroup(group, run, total);
  return total;
}

interface Run {
  before: number;
  dryRun: boolean;
  steps: number;
  /** Outputs in object stores, which several groups may share. */
  stores: Set<string>;
}

async function pruneGroup(group: FileGroup, run: Run, total: PruneResultsResult): Promise<void> {
  const host = group.hosts.length > 0 ? hostNames(group) : undefined;
  let from: string | undefined;
  try {
    do {
      if (run.steps++ >= MAX_STEPS) {
        total.complete = false;
        return;
      }
      const list = { loads: MAX_LISTED - total.listed.length, unclear: MAX_UNCLEAR - total.listedUnclear.length };
      const summary = summaryOf(
        `${run.dryRun ? 'find' : 'remove'} old results${host === undefined ? '' : ` on ${host}`}`,
      );
      const pruned = await pruneActivities(group.queue).pruneOutput.executeWithOptions({ summary }, [
        { before: run.before, dryRun: run.dryRun, list, ...(from !== undefined && { from }) },
      ]);
      if (from === undefined && pruned.outputUri.startsWith('s3:')) {
        if (run.stores.has(pruned.outputUri)) return;
        run.stores.add(pruned.outputUri);
      }
      add(pruned, total, host);
      from = pruned.next;
    } while (from !== undefined);
  } catch (error) {
    if (isCancellation(error)) throw error;
    const cause = innermostFailure(error);
    const code = cause instanceof ApplicationFailure ? cause.type : undefined;
    total.failedHosts.push({ host: host ?? group.queue, code: code ?? 'NO_ANSWER' });
    total.complete = false;
  }
}

function add(pruned: PrunedOutput, total: PruneResultsResult, host: string | undefined): void {
  for (const key of ['loads', 'files', 'bytes', 'running', 'recent', 'unclear'] as const) total[key] += pruned[key];
  if (pruned.tooMany) total.complete = false;
  const where = host === undefined ? {} : { host };
  total.listed.push(...pruned.listed.slice(0, MAX_LISTED - total.listed.length).map((one) => ({ ...one, ...where })));
  const room = MAX_UNCLEAR - total.listedUnclear.length;
  total.listedUnclear.push(...pruned.listedUnclear.slice(0, room).map((one) => ({ ...one, ...where })));
}

/** Without a list of pollers, the worker that takes the step is the only one that is asked. */
async function groupsToAsk(): Promise<FileGroup[]> {
  const groups = await readActivities.listFileGroups.executeWithOptions({ summary: 'list pollers' }, []);
  return groups.length > 0 ? groups : [{ queue: ANY_WORKER, hosts: [] }];
}

/** The input is untrusted. */
function settingsOf(given: unknown): { age: number; dryRun: boolean } {
  try {
    const { olderThan, dryRun = false } = readPruneResultsInput(given);
    return { age: toMs(olderThan), dryRun };
  } catch (error) {
    // Any other error would make the workflow task fail again and again.
    const { code, message } = toLoadError(error);
    throw ApplicationFailure.nonRetryable(message, code);
  }
}

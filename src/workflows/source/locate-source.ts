/**
 * Finds a worker that sees the source, wherever its workers run. A shared queue gives a step to any of them, so before
 * the answer is no, each group of workers that shares a folder is asked on its own queue.
 */
import { ActivityFailure, ApplicationFailure, TimeoutFailure } from '@temporalio/common';
import { CancellationScope, isCancellation } from '@temporalio/workflow';
import type { AwaitSourceInput, SourceStatus } from '../../activities/source/probe-source.js';
import type { LocatedSource, LocateSourceInput } from '../../protocol/activities/source-types.js';
import type { FileGroup } from '../../domain/file-groups.js';
import { STORE_UNAVAILABLE } from '../../domain/store-outage.js';
import { innermostFailure } from '../../domain/failures.js';
import {
  groupActivities,
  locateActivities,
  outlastingActivities,
  readActivities,
} from '../support/activity-options.js';
import { summaryOf } from '../support/summary.js';
import { askedHosts } from '../../domain/text/asked-hosts.js';
import { nameOf } from '../../domain/text/format.js';

interface LocateOptions {
  /** Queue of workers that just saw the source. */
  seenBy?: string | undefined;
  /** How long an outage of an object store is waited for. @default a few seconds, then it is the answer */
  outageMs?: number;
}

/** @throws ActivityFailure from any worker; ApplicationFailure that names the hosts that were asked */
export async function locateSource(
  input: LocateSourceInput,
  { seenBy, outageMs }: LocateOptions = {},
): Promise<LocatedSource> {
  const summary = `find a worker that sees ${nameOf(input.source)}`;
  try {
    // Those workers may be gone by now, and others may see it too.
    if (seenBy !== undefined) {
      const found = await askGroup({ queue: seenBy, hosts: [] }, input, summary).catch(unlessFinal);
      if (found !== undefined) return found;
    }
    return await locateActivities.locateSource.executeWithOptions({ summary }, [input]);
  } catch (error) {
    if (!mayBeElsewhere(error)) throw error;
    if (refusalIn(error)?.type === STORE_UNAVAILABLE) {
      // No host would answer more than that.
      if (outageMs === undefined) throw error;
      const { locateSource: outlast } = outlastingActivities(outageMs);
      return await outlast.executeWithOptions({ summary }, [{ ...input, outlastStore: true }]);
    }
    const groups = await listGroups();
    if (groups.length === 0) throw error;
    const { found, refused } = await firstAnswer(groups, (group) => askGroup(group, input, summary));
    if (found !== undefined) return found;
    // A worker that has the file and refuses it has the last word.
    for (const one of refused) unlessFinal(one.error);
    const [first, ...others] = [error, ...refused.map((one) => one.error)].flatMap((one) => refusalIn(one) ?? []);
    if (first === undefined) throw error;
    const { message, type } = mostSpecific([first, ...others]);
    const asked = askedHosts(refused.map(({ group, error: one }) => ({ group, why: reasonOf(one) })));
    throw ApplicationFailure.nonRetryable(`${message} Each host was asked: ${asked}.`, type);
  }
}

/** Workers may have refused before the last one of the attempts was too busy to answer. */
function mayBeElsewhere(error: unknown): boolean {
  return refusalIn(error) !== undefined || innermostFailure(error) instanceof TimeoutFailure;
}

/** A refusal that may not apply to another worker. */
function refusalIn(error: unknown): ApplicationFailure | undefined {
  const cause = innermostFailure(error);
  return cause instanceof ApplicationFailure && cause.nonRetryable !== true ? cause : undefined;
}

/** A host with other folders knows less about the file than one that checked the right folder. */
function mostSpecific(refusals: [ApplicationFailure, ...ApplicationFailure[]]): ApplicationFailure {
  return (
    refusals.find(({ type }) => type?.startsWith('SOURCE_')) ??
    refusals.find(({ type }) => type !== 'FILE_OUTSIDE_ROOTS') ??
    refusals[0]
  );
}

/** What a check for the source found, and how many groups of workers could be asked. */
export interface SourceCheck {
  status: SourceStatus;
  groups?: number;
}

/** Whether the source exists: asks any worker, and with `everywhere` one of each group that shares a folder. */
export async function findSource(input: AwaitSourceInput, everywhere: boolean): Promise<SourceCheck> {
  const ask = { summary: `check for ${nameOf(input.source)}` };
  const here = await locateActivities.probeSource.executeWithOptions(ask, [input]).catch((error: unknown) => {
    if (!mayBeElsewhere(error)) throw error;
    return { refused: error };
  });
  if (!('refused' in here) && (here.found !== undefined || here.unavailable === true || !everywhere))
    return { status: here };
  const groups = await listGroups();
  const missed: SourceStatus[] = 'refused' in here ? [] : [here];
  const { found } = await firstAnswer(
    groups.filter(({ queue }) => queue !== missed[0]?.filesQueue),
    async ({ queue }) => {
      const seen = await groupActivities(queue).probeSource.executeWithOptions(ask, [input]);
      if (seen.found !== undefined) return seen;
      missed.push(seen);
      throw ApplicationFailure.nonRetryable('not found', 'SOURCE_NOT_FOUND');
    },
  );
  const status = found ?? missed[0];
  // No worker has folders or a login for it.
  if (status === undefined) throw (here as { refused: unknown }).refused;
  return { status, groups: groups.length };
}

function askGroup({ queue, hosts }: FileGroup, input: LocateSourceInput, summary: string): Promise<LocatedSource> {
  const where = hosts.length > 0 ? ` on ${hosts.join('/')}` : '';
  return groupActivities(queue).locateSource.executeWithOptions({ summary: summaryOf(`${summary}${where}`) }, [input]);
}

/** Empty if Temporal does not report pollers. */
async function listGroups(): Promise<FileGroup[]> {
  return (
    (await readActivities.listFileGroups.executeWithOptions({ summary: 'list pollers' }, []).catch(unlessCanceled)) ??
    []
  );
}

function unlessFinal(error: unknown): undefined {
  const cause = innermostFailure(error);
  if (cause instanceof ApplicationFailure && cause.nonRetryable === true) throw error;
  return unlessCanceled(error);
}

function unlessCanceled(error: unknown): undefined {
  if (isCancellation(error)) throw error;
  return undefined;
}

interface Refused {
  group: FileGroup;
  error: unknown;
}

/** The first group that answers without a refusal; the others need not continue then. */
async function firstAnswer<T>(
  groups: readonly FileGroup[],
  ask: (group: FileGroup) => Promise<T>,
): Promise<{ found?: T; refused: Refused[] }> {
  const answer: { found?: T; refused: Refused[] } = { refused: [] };
  const scope = new CancellationScope();
  await scope.run(() =>
    Promise.all(
      groups.map(async (group) => {
        try {
          const found = await ask(group);
          if (answer.found !== undefined) return;
          answer.found = found;
          scope.cancel();
        } catch (error) {
          if (isCancellation(error) && answer.found === undefined) throw error;
          answer.refused.push({ group, error });
        }
      }),
    ),
  );
  return answer;
}

function reasonOf(error: unknown): string {
  const cause = innermostFailure(error);
  const silent = error instanceof ActivityFailure && cause instanceof TimeoutFailure;
  if (silent) return 'no answer: busy or gone';
  return (cause instanceof ApplicationFailure ? cause.type : undefined) ?? 'failed';
}

/**
 * Finds a worker that sees the source, wherever its workers run: a shared queue gives a step to any of them, so before
 * the answer is no, each group of workers that shares a folder is asked by its own queue.
 */
import { ActivityFailure, ApplicationFailure, TimeoutFailure } from '@temporalio/common';
import { CancellationScope, isCancellation } from '@temporalio/workflow';
import type { AwaitSourceInput, SourceLook } from '../activities/await-source.js';
import type { LocatedSource, LocateSourceInput } from '../activities/types.js';
import { hostNames } from '../domain/file-groups.js';
import type { FileGroup } from '../domain/file-groups.js';
import { innermostFailure } from './failures.js';
import { first, onGroup, reading } from './steps.js';
import { nameOf } from './words.js';

/**
 * @param seenBy queue of workers that saw the source a moment ago
 * @throws ActivityFailure of any worker; ApplicationFailure that names the hosts which were asked
 */
export async function locateSource(input: LocateSourceInput, seenBy?: string): Promise<LocatedSource> {
  const summary = `find a worker that sees ${nameOf(input.source)}`;
  try {
    // Those may be gone by now, and others may see it too.
    if (seenBy !== undefined) {
      const found = await askGroup({ queue: seenBy, hosts: [] }, input, summary).catch(unlessFinal);
      if (found !== undefined) return found;
    }
    return await first.locateSource.executeWithOptions({ summary }, [input]);
  } catch (error) {
    const refusal = refusalIn(error);
    if (refusal === undefined) throw error;
    const groups = await listGroups();
    if (groups.length === 0) throw error;
    const { found, refused } = await firstAnswer(groups, (group) => askGroup(group, input, summary));
    if (found !== undefined) return found;
    // One that has the file and refuses it has the last word.
    for (const one of refused) unlessFinal(one.error);
    const { message, type } = mostTelling([refusal, ...refused.flatMap((one) => refusalIn(one.error) ?? [])]);
    throw ApplicationFailure.nonRetryable(`${message} Each host was asked: ${refused.map(inWords).join(', ')}.`, type);
  }
}

/** What another worker may not lack; `undefined` when no other one need be asked. */
function refusalIn(error: unknown): ApplicationFailure | undefined {
  const cause = innermostFailure(error);
  return cause instanceof ApplicationFailure && cause.nonRetryable !== true ? cause : undefined;
}

/** A host whose folders are others knows less of the file than one that looked where it should be. */
function mostTelling(refusals: [ApplicationFailure, ...ApplicationFailure[]]): ApplicationFailure {
  return (
    refusals.find(({ type }) => type?.startsWith('SOURCE_')) ??
    refusals.find(({ type }) => type !== 'FILE_OUTSIDE_ROOTS') ??
    refusals[0]
  );
}

/** Whether the source is there: any worker, and with `everywhere` all of them. */
export async function lookForSource(
  input: AwaitSourceInput,
  everywhere: boolean,
): Promise<{ look: SourceLook; groups?: number }> {
  const ask = { summary: `look for ${nameOf(input.source)}` };
  const here = await first.awaitSource.executeWithOptions(ask, [input]).catch((error: unknown) => {
    if (refusalIn(error) === undefined) throw error;
    return { refused: error };
  });
  if (!('refused' in here) && (here.found !== undefined || !everywhere)) return { look: here };
  const groups = await listGroups();
  const missed: SourceLook[] = 'refused' in here ? [] : [here];
  const { found } = await firstAnswer(
    groups.filter(({ queue }) => queue !== missed[0]?.filesQueue),
    async ({ queue }) => {
      const seen = await onGroup(queue).awaitSource.executeWithOptions(ask, [input]);
      if (seen.found !== undefined) return seen;
      missed.push(seen);
      throw ApplicationFailure.nonRetryable('not there', 'SOURCE_NOT_FOUND');
    },
  );
  const look = found ?? missed[0];
  // Nobody has folders or a login for it.
  if (look === undefined) throw (here as { refused: unknown }).refused;
  return { look, groups: groups.length };
}

function askGroup({ queue, hosts }: FileGroup, input: LocateSourceInput, summary: string): Promise<LocatedSource> {
  const where = hosts.length > 0 ? ` on ${hosts.join('/')}` : '';
  return onGroup(queue).locateSource.executeWithOptions({ summary: `${summary}${where}`.slice(0, 190) }, [input]);
}

/** None, where Temporal does not tell who polls. */
async function listGroups(): Promise<FileGroup[]> {
  return (await reading.listFileGroups.executeWithOptions({ summary: 'who polls' }, []).catch(unlessCanceled)) ?? [];
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

/** The first group that answers without a refusal; the others need not go on then. */
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

function inWords({ group, error }: Refused): string {
  const cause = innermostFailure(error);
  const silent = error instanceof ActivityFailure && cause instanceof TimeoutFailure;
  const why = silent ? 'no answer: busy or gone' : cause instanceof ApplicationFailure ? cause.type : 'failed';
  return `${hostNames(group)} (${why ?? 'failed'})`;
}

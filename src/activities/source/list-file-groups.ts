/**
 * Lists the groups of workers that share this worker's task queue: each may have a folder that the others do not see.
 */
import { Context } from '@temporalio/activity';
import { groupsOf } from '../../domain/file-groups.js';
import type { FileGroup } from '../../domain/file-groups.js';
import { pollersOf } from '../../domain/task-queue-facts.js';
import { runActivity } from '../run-activity.js';

const ASK_MS = 10_000;

export function listFileGroups(): (input: undefined) => Promise<FileGroup[]> {
  return runActivity<undefined, FileGroup[]>(async (_nothing, { signal }) => {
    const { client, info } = Context.current();
    const identities = await client.withAbortSignal(signal, () =>
      client.withDeadline(Date.now() + ASK_MS, () => pollersOf(client, info.taskQueue)),
    );
    return groupsOf(identities, info.taskQueue);
  });
}

/** Which groups of workers share the queue of this worker: each may have a folder that the others do not see. */
import { Context } from '@temporalio/activity';
import { groupsOf } from '../domain/file-groups.js';
import type { FileGroup } from '../domain/file-groups.js';
import { pollersOf } from '../pollers-of.js';
import { step } from './step.js';

const ASK_MS = 10_000;

export function listFileGroups(): () => Promise<FileGroup[]> {
  const list = step<undefined, FileGroup[]>(async (_nothing, { signal }) => {
    const { client, info } = Context.current();
    const identities = await client.withAbortSignal(signal, () =>
      client.withDeadline(Date.now() + ASK_MS, () => pollersOf(client, info.taskQueue)),
    );
    return groupsOf(identities, info.taskQueue);
  });
  return () => list(undefined);
}

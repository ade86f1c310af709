/** What people can do when no worker takes steps from a task queue. Pure, and safe in workflows. */
import { hostNames, isObjectsQueue, uploadsQueueOf } from '../file-groups.js';
import type { FileGroup } from '../file-groups.js';
import { shown } from './shown.js';

/** Where a load's steps on files run. */
export interface FilesPlace {
  filesQueue: string;
  /** Where the files were seen. */
  host?: string | undefined;
  /** Set for uploads: the org's connection. */
  connection?: string | undefined;
}

/** The end of a sentence. */
export function startAdvice({ filesQueue, host, connection }: FilesPlace): string {
  const where = host === undefined ? '' : ` on the host ${host}`;
  const roots = isObjectsQueue(filesQueue) ? 'NIGHTLOAD_S3_ROOTS' : 'NIGHTLOAD_FILE_ROOTS';
  const login = connection === undefined ? '' : ` and the connection ${shown(connection)}`;
  return `start \`nightload worker\`${where} with the same ${roots} as before${login}`;
}

/**
 * What a step waits for that no worker has taken for a while: the end of a sentence.
 * @param groups workers that poll the load's queue, by folder; undefined if Temporal does not list them
 */
export function untakenStep(place: FilesPlace, groups: readonly FileGroup[] | undefined): string {
  const { filesQueue, connection } = place;
  const queue = connection === undefined ? filesQueue : uploadsQueueOf(filesQueue, connection);
  const waits = `a worker of the task queue "${queue}"`;
  // The list names only folders.
  if (groups === undefined || isObjectsQueue(filesQueue)) return `${waits}: if none runs, ${startAdvice(place)}`;
  const alive = groups.find((group) => group.queue === filesQueue);
  if (alive === undefined || alive.away === true) {
    const host = place.host ?? alive?.hosts[0];
    return `${waits}: none polls it, so ${startAdvice({ ...place, host })}`;
  }
  const lacks = connection === undefined ? '' : `, or lack the connection ${shown(connection)}`;
  return `${waits}: those on ${hostNames(alive)} are busy${lacks}`;
}

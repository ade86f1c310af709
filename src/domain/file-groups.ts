/**
 * Groups of workers that share a folder, each with its own task queue. A worker's identity names its group and host, so
 * the pollers of a shared queue reveal all its groups. Pure; identities are untrusted text.
 */

import type { Poller } from './task-queue-facts.js';
import { orgKey } from './task-priority.js';

/** In place of a group's queue: any worker may take the step, on the queue of its workflow. */
export const ANY_WORKER = '';
/** In place of a folder's id: the group of all workers that use object stores. */
const OBJECTS = 'objects';

export interface FileGroup {
  /** `<task queue>-files-<id>` */
  queue: string;
  hosts: string[];
  /** None of its workers has polled lately: they have ended, or are very busy. */
  away?: boolean;
}

/** No more are asked. */
export const MAX_GROUPS = 50;
export const MAX_HOSTS = 5;
const MAX_IDENTITY = 500;
/** Leaves room for the name of an uploads queue: Temporal limits queue names to 255 bytes. */
export const MAX_FILES_QUEUE_BYTES = 200;

/** `4711@host-a files-3f9c21ab07` */
export function identityWithGroup(identity: string, taskQueue: string, filesQueue: string): string {
  return `${identity} ${filesQueue.slice(taskQueue.length + 1)}`;
}

/**
 * Uploads have a queue for each org, next to the queue of the other steps on files: an org that takes its rows slowly
 * occupies only its own slots.
 * @param connection the org's connection
 */
export function uploadsQueueOf(filesQueue: string, connection: string): string {
  return isFilesQueue(filesQueue) ? `${filesQueue}-uploads-${orgKey(connection)}` : filesQueue;
}

/** Steps of loads whose source and results lie in an object store: every worker with access to stores polls it. */
export function objectsQueueOf(taskQueue: string): string {
  return `${taskQueue}-files-${OBJECTS}`;
}

export function isObjectsQueue(filesQueue: string): boolean {
  return filesQueue.endsWith(`-files-${OBJECTS}`);
}

/** Whether it can be the queue of workers that share a folder or use object stores. */
export function isFilesQueue(queue: string): boolean {
  return queue.lastIndexOf('-files-') > 0;
}

/**
 * The queue of the loads whose steps on files run on `queue`; any other queue is its own.
 * @param filesQueue of the worker's folder
 */
export function sharedQueueOf(queue: string, filesQueue: string): string {
  if (!isFilesQueue(filesQueue)) return queue;
  const shared = filesQueue.slice(0, filesQueue.lastIndexOf('-files-'));
  const isOurs = [filesQueue, objectsQueueOf(shared)].some(
    (group) => queue === group || queue.startsWith(`${group}-uploads-`),
  );
  return isOurs ? shared : queue;
}

/**
 * The groups whose workers poll a shared queue, in an order that does not depend on who polled last.
 * @param latelyMs polls longer ago were not lately
 */
export function groupsOf(pollers: readonly Poller[], taskQueue: string, latelyMs = Infinity): FileGroup[] {
  const groups = new Map<string, Set<string>>();
  const here = new Set<string>();
  for (const { identity, idleMs } of pollers) {
    if (typeof identity !== 'string' || identity.length > MAX_IDENTITY) continue;
    const id = / files-([A-Za-z0-9._-]{1,100})$/.exec(identity)?.[1];
    if (id === undefined) continue;
    const queue = `${taskQueue}-files-${id}`;
    const hosts = groups.get(queue) ?? new Set();
    groups.set(queue, hosts);
    if (idleMs <= latelyMs) here.add(queue);
    const host = /@([A-Za-z0-9._-]{1,100})(?: |$)/.exec(identity)?.[1];
    if (host !== undefined && hosts.size < MAX_HOSTS) hosts.add(host);
  }
  return [...groups]
    .map(([queue, hosts]) => ({ queue, hosts: [...hosts].sort(), ...(!here.has(queue) && { away: true }) }))
    .sort((a, b) => (a.queue < b.queue ? -1 : 1))
    .slice(0, MAX_GROUPS);
}

/** Queues of other folders that workers on a host poll. */
export function otherQueuesOf(host: string, groups: readonly FileGroup[], filesQueue: string): string[] {
  return groups.filter(({ queue, hosts }) => queue !== filesQueue && hosts.includes(host)).map(({ queue }) => queue);
}

/** Whether it can be a group's host; anything else is not shown. */
export function isHostName(value: unknown): value is string {
  return typeof value === 'string' && /^[A-Za-z0-9._-]{1,100}$/.test(value);
}

/** `host-a, host-b (no answer)`, for people. */
export function hostNames({ queue, hosts }: FileGroup): string {
  return hosts.length > 0 ? hosts.join('/') : queue;
}

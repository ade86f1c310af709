/**
 * Lists of workflows and schedules, page by page. Each entry carries a memo of up to 2 MB that its starter wrote: a page
 * of the usual size may exceed what a client accepts, so pages become smaller until they fit; and what is shown of an
 * entry is taken from it as its page arrives, so that no more than a page is in memory.
 */
import type { Client } from '@temporalio/client';
import { placeOf, isTooLarge, temporalError } from './temporal-errors.js';
import type { NightloadError } from '../errors.js';

const PAGE = 20;

export interface Listed<T> {
  entries: T[];
  /** Why there may be more. */
  cut?: NightloadError;
}

type Page<E> = { entries: readonly E[] | null | undefined; nextPageToken?: Uint8Array | null };
type Ask<E> = (pageSize: number, nextPageToken: Uint8Array) => Promise<Page<E>>;

interface Wanted<E, T> {
  limit: number;
  /** What to keep of an entry, called one by one; undefined if it is not wanted. */
  show: (entry: E) => Promise<T | undefined> | T | undefined;
}

/** At most `limit` entries that are wanted. @throws TemporalError when not even the first page arrives */
export async function listed<E, T>(client: Client, { limit, show }: Wanted<E, T>, ask: Ask<E>): Promise<Listed<T>> {
  const entries: T[] = [];
  let token: Uint8Array = new Uint8Array();
  let size = Math.max(1, Math.min(PAGE, limit));
  for (let isFirst = true; ;) {
    let page: Page<E>;
    try {
      page = await ask(size, token);
      isFirst = false;
      token = page.nextPageToken ?? new Uint8Array();
    } catch (error) {
      if (isTooLarge(error) && size > 1) {
        size = Math.max(1, size >> 1);
        continue;
      }
      const cut = temporalError(error, placeOf(client));
      if (cut === undefined || (isFirst && !isTooLarge(error))) throw cut ?? error;
      return { entries, cut };
    }
    for (const entry of page.entries ?? []) {
      const shown = entries.length < limit ? await show(entry) : undefined;
      // Copied: a text that was cut from a memo would keep the whole memo in memory.
      if (shown !== undefined) entries.push(structuredClone(shown));
    }
    if (entries.length >= limit || token.length === 0) return { entries };
  }
}

type Runs = Awaited<ReturnType<Client['workflowService']['listWorkflowExecutions']>>['executions'];
/** A workflow's entry in a list, as the server sends it: nothing in it is decoded. */
export type ListedRun = NonNullable<Runs>[number];

/** `temporal.api.enums.v1.WorkflowExecutionStatus`, as the SDK names them. */
const STATUSES = [
  '',
  'RUNNING',
  'COMPLETED',
  'FAILED',
  'CANCELLED',
  'TERMINATED',
  'CONTINUED_AS_NEW',
  'TIMED_OUT',
  'PAUSED',
];

export function statusName(status: ListedRun['status']): string {
  return STATUSES[Number(status ?? 0)] || 'UNKNOWN';
}

/** Workflows that match a visibility query. */
export function listRuns<T>(client: Client, query: string, wanted: Wanted<ListedRun, T>): Promise<Listed<T>> {
  const { namespace } = client.options;
  return listed(client, wanted, async (pageSize, nextPageToken) => {
    const asked = { namespace, query, pageSize, nextPageToken };
    const { executions, nextPageToken: next } = await client.workflowService.listWorkflowExecutions(asked);
    return { entries: executions, nextPageToken: next };
  });
}

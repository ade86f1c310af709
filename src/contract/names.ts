/**
 * Names that users and other programs rely on: of operations, queue, workflow ids, memo keys, search attributes.
 * Nothing in this folder imports Node, so workflow code of any project may import it.
 */

/** A duration in Temporal's format: `'5s'`, `'8 hours'`, or milliseconds. At most 30 days. */
export type Duration = string | number;

export type Operation = 'insert' | 'update' | 'upsert' | 'delete' | 'hardDelete';

export const OPERATIONS: readonly Operation[] = ['insert', 'update', 'upsert', 'delete', 'hardDelete'];

/** What a load does when it will be late. */
export type WhenLate = 'warn' | 'raisePriority' | 'moreParallel';

export const WHEN_LATE = ['warn', 'raisePriority', 'moreParallel'] as const satisfies readonly WhenLate[];

export const DEFAULT_TASK_QUEUE = 'nightload';

export const WORKFLOW_ID_PREFIX = 'bulk-load/';

/** Memo key under which a closed load stores its result (without `jobs`), readable without a worker. */
export const RESULT_MEMO = 'nightloadResult';

/**
 * Memo key with the queue of the workers that share the load's files, so that clients can see whether anyone polls it.
 */
export const FILES_QUEUE_MEMO = 'nightloadFilesQueue';

/** Memo key with the host where the source was found: the host may return with another folder, and so another queue. */
export const FILES_HOST_MEMO = 'nightloadFilesHost';

/** Memo key of a load whose people were told that it will be late. */
export const LATE_MEMO = 'nightloadLate';

export const LOAD_ID_PATTERN = /^[A-Za-z0-9._-]{1,200}$/;

/** Search attributes, set by the workflows if the namespace knows them. */
export const SEARCH_ATTRIBUTES = {
  NightloadObject: 'KEYWORD',
  NightloadOperation: 'KEYWORD',
  NightloadConnection: 'KEYWORD',
  NightloadPhase: 'KEYWORD',
  NightloadRejected: 'INT',
  NightloadJobIds: 'KEYWORD_LIST',
} as const;

export type SearchAttributeName = keyof typeof SEARCH_ATTRIBUTES;

/**
 * Temporal's priority and fairness of a load's tasks: its own priority, and the org as fairness key, so that the tasks
 * of one org do not wait behind a backlog of another's. Pure, and safe in workflows.
 */
import type { Priority } from '@temporalio/common';

const DEFAULT_CONNECTION = 'default';
/** As in a queue's name; Temporal limits fairness keys to 64 bytes and queue names to 255. */
const PLAIN_KEY = /^[A-Za-z0-9._-]{1,40}$/;
const MAX_READABLE = 30;

/**
 * A short name of an org, from the name of its connection, which may be any text. Two orgs with the same key would
 * only share a queue.
 */
export function orgKey(connection: string): string {
  if (PLAIN_KEY.test(connection)) return connection;
  const readable = connection.replace(/[^A-Za-z0-9._-]/g, '-').slice(0, MAX_READABLE);
  return `${readable}-${hash(connection)}`;
}

/** FNV-1a, 32 bits: the workflow sandbox has no `node:crypto`. */
function hash(text: string): string {
  let sum = 0x81_1c_9d_c5;
  for (const character of text) sum = Math.imul(sum ^ (character.codePointAt(0) ?? 0), 0x01_00_01_93);
  return (sum >>> 0).toString(16).padStart(8, '0');
}

/** @param input the argument of a workflow, which is untrusted: a load, a part, a ledger, or the name of a connection */
export function taskPriority(input: unknown): Priority | undefined {
  if (typeof input === 'string') return { fairnessKey: orgKey(input) };
  if (typeof input !== 'object' || input === null) return undefined;
  const { org, connection = org ?? DEFAULT_CONNECTION, priority } = input as Record<string, unknown>;
  if (typeof connection !== 'string') return undefined;
  const isLevel = Number.isInteger(priority) && (priority as number) >= 1 && (priority as number) <= 5;
  return { fairnessKey: orgKey(connection), ...(isLevel && { priorityKey: priority as number }) };
}

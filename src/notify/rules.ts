/** Which targets get a message, and after how long a wait is worth one. Pure. */
import type { NotifyMessage } from '../contract/notification.js';
import { matchesPattern } from '../domain/text/wildcard.js';
import type { NotifyRule } from './settings.js';

/** For a rule about `waiting` that names no time of its own. */
const DEFAULT_WAIT_MS = 600_000;
/** Each may end a wait of a workflow once. */
export const MAX_WAIT_THRESHOLDS = 10;

/** The load that a message is about. */
export type NotifySubject = Pick<NotifyMessage, 'loadId' | 'object' | 'connection' | 'schedule'>;

/** A message is its own facts, except for a wait. */
export interface NotifyFacts extends NotifySubject, Pick<NotifyMessage, 'event' | 'records'> {
  /** For `waiting`: which of {@link waitThresholds} has been reached. */
  waitedMs?: number;
}

/** Names of the targets, each once. */
export function matchingTargets(rules: readonly NotifyRule[], facts: NotifyFacts): string[] {
  return [...new Set(rules.filter((rule) => matches(rule, facts)).flatMap(({ to }) => to))];
}

/** Milliseconds after which a wait of this load is worth a message, ascending; empty if no rule asks for it. */
export function waitThresholds(rules: readonly NotifyRule[], about: NotifySubject): number[] {
  const asking = rules.filter((rule) => rule.when.includes('waiting') && isNamed(rule, about));
  const waits = [...new Set(asking.map(waitOf))].sort((a, b) => a - b);
  return waits.slice(0, MAX_WAIT_THRESHOLDS);
}

/** The wait after which this rule takes `waiting`. */
export function waitOf({ waitingLonger = DEFAULT_WAIT_MS }: NotifyRule): number {
  return waitingLonger;
}

function matches(rule: NotifyRule, facts: NotifyFacts): boolean {
  if (!rule.when.includes(facts.event) || !isNamed(rule, facts)) return false;
  switch (facts.event) {
    case 'rejected':
      return rowsForPeople(facts) >= (rule.rejectedAtLeast ?? 0);
    // Each rule takes a wait once, at its own time, however many other rules ask.
    case 'waiting':
      return facts.waitedMs === waitOf(rule);
    default:
      return true;
  }
}

/** Whether a rule is about such a load, whatever happens to it. */
export function isNamed(rule: NotifyRule, { object, connection, schedule, loadId }: NotifySubject): boolean {
  const named = object.toLowerCase();
  return (
    (rule.objects?.some((one) => one.toLowerCase() === named) ?? true) &&
    (rule.connections?.includes(connection) ?? true) &&
    (rule.schedules === undefined || (schedule !== undefined && rule.schedules.includes(schedule))) &&
    (rule.ids?.some((pattern) => matchesPattern(loadId, pattern)) ?? true)
  );
}

/** Rows that need a person; without counts, no threshold may hide the message. */
function rowsForPeople({ records }: NotifyFacts): number {
  return records === undefined ? Number.POSITIVE_INFINITY : records.rejected + records.unprocessed;
}

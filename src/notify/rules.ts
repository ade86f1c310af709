/** Which targets get a message, and after how long a wait is worth one. Pure. */
import { MAX_NOTIFY_WAITS } from '../domain/name-and-number-limits.js';
import { matchesPattern } from '../domain/text/wildcard.js';
import type { NotifyAbout, NotifyFacts } from '../protocol/activities/notify-types.js';
import type { NotifyRule } from './settings.js';

/** For a rule about `waiting` that names no time of its own. */
const DEFAULT_WAIT_MS = 600_000;

/** What a rule reads of a message; for `waiting`, `waitedMs` is the one of {@link waitThresholds} that was reached. */
export type RuleFacts = NotifyAbout & Pick<NotifyFacts, 'event' | 'records' | 'waitedMs'>;

/** Names of the targets, each once. */
export function matchingTargets(rules: readonly NotifyRule[], facts: RuleFacts): string[] {
  return [...new Set(rules.filter((rule) => matches(rule, facts)).flatMap(({ to }) => to))];
}

/** Milliseconds after which a wait of this load is worth a message, ascending; empty if no rule asks for it. */
export function waitThresholds(rules: readonly NotifyRule[], about: NotifyAbout): number[] {
  const asking = rules.filter((rule) => rule.when.includes('waiting') && isNamed(rule, about));
  const waits = [...new Set(asking.map(waitOf))].sort((a, b) => a - b);
  return waits.slice(0, MAX_NOTIFY_WAITS);
}

/** The wait after which this rule takes `waiting`. */
export function waitOf({ waitingLonger = DEFAULT_WAIT_MS }: NotifyRule): number {
  return waitingLonger;
}

function matches(rule: NotifyRule, facts: RuleFacts): boolean {
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
export function isNamed(rule: NotifyRule, { object, connection, schedule, loadId }: NotifyAbout): boolean {
  const named = object.toLowerCase();
  return (
    (rule.objects?.some((one) => one.toLowerCase() === named) ?? true) &&
    (rule.connections?.includes(connection) ?? true) &&
    (rule.schedules === undefined || (schedule !== undefined && rule.schedules.includes(schedule))) &&
    (rule.ids?.some((pattern) => matchesPattern(loadId, pattern)) ?? true)
  );
}

/** Rows that need a person; without counts, no threshold may hide the message. */
function rowsForPeople({ records }: RuleFacts): number {
  return records === undefined ? Number.POSITIVE_INFINITY : records.rejected + records.unprocessed;
}

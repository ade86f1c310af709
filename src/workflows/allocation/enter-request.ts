/** A part requests allocation from the org's ledger. */
import { scheduleCheck } from './check-holders.js';
import { request } from './ledger/ledger.js';
import type { OrgLedger } from './org-ledger.js';
import type { ReadRequest } from './parse-messages.js';
import { scheduleLimits } from './read-limits.js';
import { sameRules } from './ledger/unverified-requests.js';

/** The queue takes no more requests than this; later parts continue without the ledger. */
const MAX_WAITING = 5_000;
const MAX_CONNECTIONS = 20;

export function enterRequest(org: OrgLedger, { asked, connection, rules }: ReadRequest, now: number): void {
  const { ledger, state, live } = org;
  if (ledger.waiting.length >= MAX_WAITING) return;
  ledger.rules = state.rules ?? rules;
  const others = state.connections.filter(({ name }) => name !== connection);
  state.connections = [...others, { name: connection }].slice(-MAX_CONNECTIONS);
  if (state.readLimitsAt === undefined) scheduleLimits(org, now, { soon: true });
  request(ledger, asked, now);
  if (!sameRules(rules, ledger.rules)) scheduleCheck(org, now);
  live.justRequested.add(asked.id);
}

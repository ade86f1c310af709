/** The org's allocations, as listed by `/limits`; the figures lag up to five minutes. */
import { asNumber, asObject } from './json.js';
import { MAX_FIGURE } from '../../domain/platform/org-limit.js';
import type { OrgLimit } from '../../domain/platform/org-limit.js';

/** By the platform's names: `DailyApiRequests`, `DailyBulkApiBatches`, `DataStorageMB`, … */
export type OrgLimits = Record<string, OrgLimit>;

/** `undefined` if it is not a list of limits. */
export function parseLimits(value: unknown): OrgLimits | undefined {
  const object = asObject(value);
  if (object === undefined) return undefined;
  const limits: OrgLimits = {};
  for (const [name, entry] of Object.entries(object)) {
    const max = asNumber(asObject(entry)?.['Max']);
    const remaining = asNumber(asObject(entry)?.['Remaining']);
    if (isFigure(max) && isFigure(remaining)) limits[name] = { max, remaining };
  }
  return limits;
}

/** `remaining` is negative in an org that used more than it may. */
function isFigure(value: number | undefined): value is number {
  return value !== undefined && Math.abs(value) <= MAX_FIGURE;
}

/** The org's allocations, as `/limits` lists them; the figures lag up to five minutes. */
import { asNumber, asObject } from './json.js';

export interface OrgLimit {
  max: number;
  remaining: number;
}

/** By the platform's names: `DailyApiRequests`, `DailyBulkApiBatches`, `DataStorageMB`, … */
export type OrgLimits = Record<string, OrgLimit>;

/** `undefined` when it is not a list of limits. */
export function parseLimits(value: unknown): OrgLimits | undefined {
  const object = asObject(value);
  if (object === undefined) return undefined;
  const limits: OrgLimits = {};
  for (const [name, entry] of Object.entries(object)) {
    const max = asNumber(asObject(entry)?.['Max']);
    const remaining = asNumber(asObject(entry)?.['Remaining']);
    if (max !== undefined && remaining !== undefined) limits[name] = { max, remaining };
  }
  return limits;
}

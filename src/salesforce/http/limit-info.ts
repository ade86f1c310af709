/** The header `Sforce-Limit-Info`, in which every REST reply reports the org's API request usage. */
import type { LimitInfo } from './call-context.js';

/**
 * `api-usage=18/5000; per-app-api-usage=17/250(appName=x)` by key. Anything that does not look like `key=used/max` is
 * skipped.
 */
export function parseLimitInfo(header: string | string[] | undefined): LimitInfo {
  const text = Array.isArray(header) ? header.join(';') : (header ?? '');
  const info: LimitInfo = {};
  for (const [, key, used, max] of text.matchAll(
    /(?:^|[;,])\s*([A-Za-z][\w-]*)\s*=\s*(\d{1,15})\s*\/\s*(\d{1,15})(?!\d)/g,
  )) {
    if (key !== undefined) info[key.toLowerCase()] = { used: Number(used), max: Number(max) };
  }
  return info;
}

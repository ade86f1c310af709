/** The header `Sforce-Limit-Info`, with which every REST reply tells how many API requests the org has left. */
import type { LimitInfo } from './context.js';

/**
 * `api-usage=18/5000; per-app-api-usage=17/250(appName=x)` by key. What does not look like `key=used/max` is left out.
 */
export function parseLimitInfo(header: string | string[] | undefined): LimitInfo {
  const text = Array.isArray(header) ? header.join(';') : (header ?? '');
  const info: LimitInfo = {};
  for (const [, key, used, max] of text.matchAll(/(?:^|[;,])\s*([A-Za-z][\w-]*)\s*=\s*(\d+)\s*\/\s*(\d+)/g)) {
    if (key !== undefined) info[key.toLowerCase()] = { used: Number(used), max: Number(max) };
  }
  return info;
}

/** API requests are shared too: when an org has few left for the day, jobs are polled less often. Pure. */

/** Once this share of the requests is used, waits are multiplied by the factor. */
const FACTORS = [
  { from: 0.9, factor: 4 },
  { from: 0.8, factor: 2 },
] as const;

/** @param apiUsed used share of the last 24 hours' API requests, from the org's last reply */
export function pollFactor(apiUsed: number | undefined): number {
  return FACTORS.find(({ from }) => (apiUsed ?? 0) >= from)?.factor ?? 1;
}

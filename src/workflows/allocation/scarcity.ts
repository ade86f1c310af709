/** API requests are shared too: when an org has few left for the day, jobs are looked at less often. Pure. */

/** From this share of used requests on, waits are so many times as long. */
const FACTORS = [
  { from: 0.9, factor: 4 },
  { from: 0.8, factor: 2 },
] as const;

/** @param apiUsed share of the last 24 hours' API requests that is used, by the org's last reply */
export function pollFactor(apiUsed: number | undefined): number {
  return FACTORS.find(({ from }) => (apiUsed ?? 0) >= from)?.factor ?? 1;
}

/** How job ids are named in texts for people. */

/** More ids than these nobody reads. */
const MOST_NAMED = 5;

/** Job ids in a sentence. */
export function namedJobs(jobs: readonly string[]): string {
  const more = jobs.length - MOST_NAMED;
  return jobs.slice(0, MOST_NAMED).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

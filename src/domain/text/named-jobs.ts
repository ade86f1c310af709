/** How texts for people name job ids. */

/** No one reads more ids than this. */
const MAX_NAMED = 5;

/** Job ids in a sentence. */
export function namedJobs(jobs: readonly string[]): string {
  const more = jobs.length - MAX_NAMED;
  return jobs.slice(0, MAX_NAMED).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

/** What a person reads about the retry of a load in the Temporal UI. Pure. */
import type { RetryInput, RetryResult } from './retry-state.js';
import { count } from '../../domain/text/format.js';
import { errorLine, plain } from '../../domain/text/markdown.js';

/** Jobs that the details name. */
const MAX_NAMED_JOBS = 20;

function jobsText({ jobs, jobsTotal }: RetryResult['tally']): string {
  const named = jobs.slice(-MAX_NAMED_JOBS).map(({ id }) => id);
  const more = jobsTotal - named.length;
  return `${more > 0 ? `${count(more)} and ` : ''}${named.join(', ') || 'none yet'}`;
}

/** The details page of the retry. */
export function retryDetails(input: RetryInput, result: RetryResult, doing: string): string {
  const { tally } = result;
  return [
    `### ${plain(`${input.operation} ${input.object}`)}: rows that did not land`,
    '',
    `- **Now**: ${plain(doing)}`,
    `- **Rounds**: ${tally.rounds} of at most ${input.retry.maxRounds}`,
    `- **Rows**: ${count(tally.recovered)} landed in a retry, ${count(tally.rejected)} need a person`,
    `- **Jobs**: ${jobsText(tally)}`,
    ...(result.error === undefined ? [] : ['', errorLine(result.error)]),
  ].join('\n');
}

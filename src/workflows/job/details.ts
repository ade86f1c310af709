/** What a person reads about one job in the Temporal UI: its details page, and the texts of its timers. Pure. */
import type { IngestJobInput, JobState } from './job-state.js';
import { count, share, time } from '../../domain/text/format.js';
import { errorLine, plain } from '../../domain/text/markdown.js';

/** The text of the timer before the next poll. */
export function pollWait(state: JobState, { records }: Pick<IngestJobInput, 'records'>, delay: number): string {
  if (state.polls === 0) return `${state.jobId}: closed, first poll in ${time(delay)}`;
  const { state: platformState = 'UploadComplete', processed = 0 } = state.last ?? {};
  const now = processed > 0 ? `${share(processed, records)} done` : platformState;
  return `poll ${state.polls} of ${state.jobId}: ${now}, next in ${time(delay)}`;
}

/** The details page of one job. */
export function jobDetails(input: IngestJobInput, state: JobState): string {
  const { state: platformState = 'Open', processed = 0, failed = 0, errorMessage } = state.last ?? {};
  const earlier = state.jobs.slice(0, -1);
  return [
    `### ${plain(`${input.operation} ${input.object}`)}, part ${input.part}: ${state.phase}`,
    '',
    `- **Job**: ${plain(state.jobId ?? 'not created yet')}${state.jobId === undefined ? '' : `, ${plain(platformState)}`}`,
    `- **Rows**: ${count(processed)} of ${count(input.records)} processed, ${count(failed)} of them failed`,
    `- **Polls**: ${state.polls}`,
    ...(earlier.length === 0 ? [] : [`- **Abandoned jobs**: ${earlier.map(({ id }) => id).join(', ')}`]),
    ...(errorMessage === undefined ? [] : ['', `Salesforce reports: ${plain(errorMessage)}`]),
    ...(state.error === undefined ? [] : ['', errorLine(state.error)]),
  ].join('\n');
}

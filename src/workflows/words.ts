/** What a person reads about a load in the Temporal UI: details in Markdown and the texts of timers. Pure. */
import type { BulkLoadInput, BulkLoadResult, LoadError, PartProgress } from '../contract.js';
import { recordCounts } from './books.js';
import { code, plain } from './markdown.js';
import type { IngestJobInput, JobRun } from './job-run.js';
import type { LoadRun, RetryInput, RetryResult } from './load-run.js';

/** Running parts that the details list; a load has at most some dozens at a time. */
const MAX_LISTED_PARTS = 20;

export function count(number: number): string {
  const digits = String(number);
  const groups = [digits.slice(0, digits.length % 3)];
  for (let at = digits.length % 3; at < digits.length; at += 3) groups.push(digits.slice(at, at + 3));
  return groups.filter((group) => group !== '').join(',');
}

function rows(number: number): string {
  return `${count(number)} ${number === 1 ? 'row' : 'rows'}`;
}

/** `42 s`, `5 min`, `1.5 h`. */
export function time(ms: number): string {
  if (ms < 90_000) return `${Math.round(ms / 1000)} s`;
  return ms < 5_400_000 ? `${Math.round(ms / 60_000)} min` : `${(ms / 3_600_000).toFixed(1)} h`;
}

/** `2026-11-25 06:30 UTC`, rounded up. */
export function moment(ms: number): string {
  const [day, clock] = new Date(Math.ceil(ms / 60_000) * 60_000).toISOString().split('T') as [string, string];
  return `${day} ${clock.slice(0, 5)} UTC`;
}

function share(part: number, whole: number): string {
  return whole > 0 ? `${Math.floor((100 * part) / whole)} %` : '0 %';
}

/** What the timer before the next poll says. */
export function pollWait(run: JobRun, input: Pick<IngestJobInput, 'records'>, delay: number): string {
  if (run.polls === 0) return `${run.jobId}: closed, first poll in ${time(delay)}`;
  const { state = 'UploadComplete', processed = 0 } = run.last ?? {};
  const now = processed > 0 ? `${share(processed, input.records)} done` : state;
  return `poll ${run.polls} of ${run.jobId}: ${now}, next in ${time(delay)}`;
}

/** A file's name, short enough for a summary. */
export function nameOf(uri: string): string {
  const name = uri.split('/').at(-1) ?? uri;
  return name.length > 40 ? `${name.slice(0, 39)}…` : name;
}

/** `upsert Account from accounts.csv`: what lists of workflows show; at most 200 bytes. */
export function loadSummary({ operation, object, source }: BulkLoadInput): string {
  return plain(`${operation} ${object} from ${nameOf(source)}`);
}

/** What does not change during a load: for those who open it and do not know nightload. */
export function loadIntroduction(input: BulkLoadInput): string {
  const key = input.externalIdFieldName === undefined ? '' : ` by ${code(input.externalIdFieldName)}`;
  return [
    `Loads ${code(input.source)} into **${plain(input.object)}** of the connection ${code(input.connection ?? 'default')}: ${plain(input.operation)}${key}.`,
    '',
    '- Signal `pause`: no new job is started, running ones go on. Signal `resume`: goes on.',
    '- Signal `pollNow`: looks at all running jobs at once.',
    '- **Cancel**: aborts what is not finished and counts what landed. Do not terminate: that skips the report.',
    '- Update `submitCorrections`: takes corrected rejected rows while the load holds.',
    '- The children are one `ingestJob` for each part of the file (`…/part-1`) and `retryFailedRows` (`…/retry`).',
  ].join('\n');
}

export interface LoadView {
  paused: boolean;
  waitingFor?: string | undefined;
  rejectedFile?: string | undefined;
  running: ReadonlyMap<number, PartProgress>;
}

/** The load's page: phase, counts, running parts with their jobs, what comes next. */
export function loadDetails(input: BulkLoadInput, run: LoadRun, view: LoadView, result?: BulkLoadResult): string {
  const { total, succeeded, rejected, unprocessed, unaccounted } = recordCounts(run.books);
  const ended = result !== undefined;
  const failed = ended ? [] : [`${count(run.books.failed)} failed so far`];
  const counts = [
    `${count(succeeded)} of ${count(total)} landed`,
    ...(ended ? [`${count(rejected)} rejected`, `${count(unprocessed)} unprocessed`] : failed),
    ...(ended && unaccounted !== 0 ? [`${count(unaccounted)} unaccounted`] : []),
  ];
  return [
    `### ${plain(`${input.operation} ${input.object}`)}: ${result?.state ?? (view.paused ? `${run.phase}, paused` : run.phase)}`,
    '',
    ...(run.stage === undefined && !ended ? [] : [`- **Rows**: ${counts.join(', ')}`]),
    ...partLines(run, view),
    `- **Next**: ${nextStep(run, view, result)}`,
    ...(run.located === undefined ? [] : [`- **Result files**: ${code(run.located.outputUri)}`]),
    ...(run.error === undefined ? [] : ['', errorLine(run.error)]),
  ].join('\n');
}

function errorLine({ code: name, message }: LoadError): string {
  return `**${plain(name)}**: ${plain(message)}`;
}

function partLines(run: LoadRun, { running }: LoadView): string[] {
  const parts = run.stage?.parts ?? 0;
  if (parts === 0) return [];
  const done = run.next - 1 - running.size;
  const shown = [...running.values()].slice(0, MAX_LISTED_PARTS);
  return [
    `- **Parts**: ${done} of ${parts} done, ${running.size} running; jobs that ended: ${run.books.jobsTotal}`,
    ...shown.map(
      ({ n, phase, jobId, processed, failed, total, waitingFor }) =>
        `- **Part ${n}**${jobId === undefined ? '' : `, job ${plain(jobId)}`}: ${plain(waitingFor ?? phase)}, ${processed > 0 ? 'at least ' : ''}${count(processed)} of ${rows(total)}` +
        `${failed > 0 ? `, ${count(failed)} failed` : ''}`,
    ),
  ];
}

function nextStep(run: LoadRun, view: LoadView, result: BulkLoadResult | undefined): string {
  if (result !== undefined) return afterwards(result);
  switch (run.phase) {
    case 'preparing':
      return view.waitingFor === undefined
        ? 'a worker that sees the source takes the load.'
        : `waits for ${plain(view.waitingFor)}; the signal \`pollNow\` looks at once.`;
    case 'planning':
      return 'the source is read once and cut into parts; no job exists yet.';
    case 'loading':
      return afterParts(run, view);
    case 'retrying':
      return `${plain(view.waitingFor ?? 'the failed rows are sorted')}.`;
    case 'holding':
      return (
        `waits for ${plain(view.waitingFor ?? 'corrections')}. They are in ${code(nameOf(view.rejectedFile ?? 'rejected.csv'))} beside the results, ` +
        `told apart by ${code(run.stage?.key ?? 'Id')}; correct them and send the file: \`nightload correct <id> <file>\`, or the update \`submitCorrections\`.`
      );
    case 'reporting':
    case 'done':
      return 'what did not land is sorted, and the report is written.';
  }
}

function afterParts(run: LoadRun, { paused, running }: LoadView): string {
  if (run.error !== undefined) return 'no further part is started; the load ends once the running ones have ended.';
  if (paused) return 'waits for the signal `resume`; running jobs go on.';
  const parts = run.stage?.parts ?? 0;
  if (run.next <= parts) return `part ${run.next} is started as soon as one of the ${running.size} running ones ends.`;
  return 'waits for the running parts; then only the rows that failed are sent again.';
}

function afterwards({ state, files, records, retry }: BulkLoadResult): string {
  const recovered = retry.recovered > 0 ? ` ${rows(retry.recovered)} landed in a retry.` : '';
  switch (state) {
    case 'Completed':
      return `nothing to do: every row landed.${recovered}`;
    case 'CompletedWithRejects':
      return (
        `correct the ${rows(records.rejected + records.unprocessed)} in ` +
        `${[files.rejected, files.unprocessed].flatMap((uri) => (uri === undefined ? [] : [code(nameOf(uri))])).join(' and ')} ` +
        `and load them as they are.${recovered}`
      );
    case 'Canceled':
      return 'ended as asked; the rows that did not land are in `unprocessed.csv`.';
    case 'Failed':
      return 'read the error below; what landed is in the result files.';
  }
}

/** The page of one job. */
export function jobDetails(input: IngestJobInput, run: JobRun): string {
  const { state = 'Open', processed = 0, failed = 0, errorMessage } = run.last ?? {};
  const earlier = run.jobs.slice(0, -1);
  return [
    `### ${plain(`${input.operation} ${input.object}`)}, part ${input.part}: ${run.phase}`,
    '',
    `- **Job**: ${plain(run.jobId ?? 'not created yet')}${run.jobId === undefined ? '' : `, ${plain(state)}`}`,
    `- **Rows**: ${count(processed)} of ${count(input.records)} processed, ${count(failed)} of them failed`,
    `- **Polls**: ${run.polls}`,
    ...(earlier.length === 0 ? [] : [`- **Given up before**: ${earlier.map(({ id }) => id).join(', ')}`]),
    ...(errorMessage === undefined ? [] : ['', `Salesforce says: ${plain(errorMessage)}`]),
    ...(run.error === undefined ? [] : ['', errorLine(run.error)]),
  ].join('\n');
}

/** Jobs that the details name. */
const MAX_NAMED_JOBS = 20;

function jobsText({ jobs, jobsTotal }: RetryResult['books']): string {
  const named = jobs.slice(-MAX_NAMED_JOBS).map(({ id }) => id);
  const more = jobsTotal - named.length;
  return `${more > 0 ? `${count(more)} and ` : ''}${named.join(', ') || 'none yet'}`;
}

/** The page of the retry. */
export function retryDetails(input: RetryInput, result: RetryResult, doing: string): string {
  const { books } = result;
  return [
    `### ${plain(`${input.operation} ${input.object}`)}: rows that did not land`,
    '',
    `- **Now**: ${plain(doing)}`,
    `- **Rounds**: ${books.rounds} of at most ${input.retry.maxRounds}`,
    `- **Rows**: ${count(books.recovered)} landed in a retry, ${count(books.rejected)} need a person`,
    `- **Jobs**: ${jobsText(books)}`,
    ...(result.error === undefined ? [] : ['', errorLine(result.error)]),
  ].join('\n');
}

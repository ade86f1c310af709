/** What a person reads about a load in the Temporal UI, as Markdown. Pure. */
import type { BulkLoadInput } from '../../contract/load-input.js';
import type { BulkLoadResult } from '../../contract/load-result.js';
import { recordCounts } from './tally.js';
import { code, errorLine, plain } from '../../domain/text/markdown.js';
import type { PartNow } from '../../protocol/messages/load-messages.js';
import type { CarriedState } from './load-state.js';
import { waitOfPart, waitsFor } from '../../domain/text/waits.js';
import { count, nameOf, rows } from '../../domain/text/format.js';

/** Running parts listed; a load has at most a few dozen at a time. */
const MAX_LISTED_PARTS = 20;

/** What the load's details page shows. */
export interface LoadView {
  input: Pick<BulkLoadInput, 'operation' | 'object'>;
  state: CarriedState;
  live: LiveView;
  /** In words. */
  forecast?: string | undefined;
}

interface LiveView {
  paused: boolean;
  waitingFor?: string;
  missing?: string | undefined;
  outage?: string | undefined;
  rejectedFile?: string;
  running: ReadonlyMap<number, PartNow>;
}

/** The load's details page: phase, counts, running parts with their jobs, next steps. */
export function loadDetails({ input, state, live, forecast }: LoadView, result?: BulkLoadResult): string {
  const { total, succeeded, rejected, unprocessed, unaccounted } = recordCounts(state.tally);
  const ended = result !== undefined;
  const failed = ended ? [] : [`${count(state.tally.failed)} failed so far`];
  const counts = [
    `${count(succeeded)} of ${count(total)} landed`,
    ...(ended ? [`${count(rejected)} rejected`, `${count(unprocessed)} unprocessed`] : failed),
    ...(ended && unaccounted !== 0 ? [`${count(unaccounted)} unaccounted`] : []),
  ];
  return [
    `### ${plain(`${input.operation} ${input.object}`)}: ${result?.state ?? (live.paused ? `${state.phase}, paused` : state.phase)}`,
    '',
    ...(state.stage === undefined && !ended ? [] : [`- **Rows**: ${counts.join(', ')}`]),
    ...partLines(state, live),
    ...(forecast === undefined || ended ? [] : [`- **Forecast**: ${forecast}`]),
    ...[live.missing, live.outage].flatMap((text) => (text === undefined ? [] : [`- **Waits for** ${plain(text)}`])),
    `- **Next**: ${nextStep(state, live, result)}`,
    ...(state.located === undefined ? [] : [`- **Result files**: ${code(state.located.outputUri)}`]),
    ...(state.error === undefined ? [] : ['', errorLine(state.error)]),
  ].join('\n');
}

function partLines(state: CarriedState, { running }: LiveView): string[] {
  const parts = state.stage?.parts ?? 0;
  if (parts === 0) return [];
  const done = state.next - 1 - running.size;
  const shown = [...running.values()].slice(0, MAX_LISTED_PARTS);
  return [
    `- **Parts**: ${done} of ${parts} done, ${running.size} running; jobs that ended: ${state.tally.jobsTotal}`,
    ...shown.map(
      ({ n, phase, jobId, processed, failed, total, ...part }) =>
        `- **Part ${n}**${jobId === undefined ? '' : `, job ${plain(jobId)}`}: ${doingOf({ phase, ...part })}, ${processed > 0 ? 'at least ' : ''}${count(processed)} of ${rows(total)}` +
        `${failed > 0 ? `, ${count(failed)} failed` : ''}`,
    ),
  ];
}

function doingOf(part: Pick<PartNow, 'phase' | 'waitingFor' | 'inQuestion'>): string {
  const wait = waitOfPart(part);
  return wait === undefined ? part.phase : waitsFor(plain(wait));
}

function nextStep(state: CarriedState, live: LiveView, result: BulkLoadResult | undefined): string {
  if (result !== undefined) return afterwards(result);
  switch (state.phase) {
    case 'preparing':
      return live.waitingFor === undefined
        ? 'waits for a worker that sees the source.'
        : `waits for ${plain(live.waitingFor)}; the signal \`pollNow\` checks now.`;
    case 'planning':
      return 'the source is read once and split into parts; no job exists yet.';
    case 'loading':
      return afterParts(state, live);
    case 'retrying':
      return `${plain(live.waitingFor ?? 'sorting the failed rows')}.`;
    case 'holding':
      return (
        `waits for ${plain(live.waitingFor ?? 'corrections')}. They are in ${code(nameOf(live.rejectedFile ?? 'rejected.csv'))} in the results folder, ` +
        `identified by ${code(state.stage?.key ?? 'Id')}; correct them and send the file: \`nightload correct <id> <file>\`, or the update \`submitCorrections\`.`
      );
    case 'reporting':
    case 'done':
      return 'rows that did not land are sorted, and the report is written.';
  }
}

function afterParts(state: CarriedState, { paused, running }: LiveView): string {
  if (state.error !== undefined) return 'no more parts start; the load ends when the running ones have ended.';
  if (paused) return 'waits for the signal `resume`; running jobs continue.';
  const parts = state.stage?.parts ?? 0;
  if (state.next <= parts) return `part ${state.next} starts when one of the ${running.size} running parts ends.`;
  return 'waits for the running parts; then only the failed rows are sent again.';
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
        `and load the corrected files.${recovered}`
      );
    case 'Canceled':
      return 'canceled; the rows that did not land are in `unprocessed.csv`.';
    case 'Failed':
      return 'read the error below; what landed is in the result files.';
  }
}

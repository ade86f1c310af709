/** What makes a load findable and readable in the Temporal UI: search attributes, details, summaries. */
import { defineSearchAttributeKey } from '@temporalio/common';
import type { SearchAttributeUpdatePair } from '@temporalio/common';
import { setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow';
import { SEARCH_ATTRIBUTES } from '../contract.js';
import type { BulkLoadInput, BulkLoadResult, SearchAttributeName } from '../contract.js';
import { recordCounts } from './books.js';
import type { LoadRun } from './load-run.js';
import type { IngestJobInput, JobRun } from './job-run.js';

type AttributeValues = Partial<Record<SearchAttributeName, string | number | string[]>>;

/** Sets those attributes that the namespace knows: an unknown one would make the workflow task fail for ever. */
export function markSearchAttributes(known: readonly SearchAttributeName[], values: AttributeValues): void {
  const pairs: SearchAttributeUpdatePair[] = [];
  for (const name of known) {
    const value = values[name];
    if (value === undefined) continue;
    const type = SEARCH_ATTRIBUTES[name];
    if (type === 'INT') pairs.push({ key: defineSearchAttributeKey(name, type), value: value as number });
    else if (type === 'KEYWORD_LIST') {
      pairs.push({ key: defineSearchAttributeKey(name, type), value: (value as string[]).slice(0, 50) });
    } else pairs.push({ key: defineSearchAttributeKey(name, type), value: value as string });
  }
  if (pairs.length > 0) upsertSearchAttributes(pairs);
}

const minutes = (ms: number): string =>
  ms < 90_000
    ? `${Math.round(ms / 1000)} s`
    : ms < 5_400_000
      ? `${Math.round(ms / 60_000)} min`
      : `${(ms / 3_600_000).toFixed(1)} h`;

/** What the timer of the next look says in the UI. */
export function describeWait(run: JobRun, input: Pick<IngestJobInput, 'records'>, delay: number): string {
  const { state = 'closed', processed = 0 } = run.last ?? {};
  const share = input.records > 0 && processed > 0 ? `, ${Math.floor((100 * processed) / input.records)} % done` : '';
  return `${state}${share}: look ${run.polls + 1} in ${minutes(delay)}`;
}

/** The job's page in the UI. */
export function showJob(input: IngestJobInput, run: JobRun): void {
  const { state = 'Open', processed = 0, failed = 0 } = run.last ?? {};
  setCurrentDetails(
    [
      `### ${input.operation} ${input.object}, part ${input.part}`,
      '',
      '| Job | State | Records | Processed | Failed | Looks |',
      '|---|---|---|---|---|---|',
      `| ${run.jobId} | ${state} | ${input.records} | ${processed} | ${failed} | ${run.polls} |`,
    ].join('\n'),
  );
}

/** The load's page in the UI. */
export function showLoad(input: BulkLoadInput, run: LoadRun, result?: BulkLoadResult): void {
  const { total, succeeded, rejected, unprocessed } = recordCounts(run.books);
  const parts = run.stage?.parts.length ?? 0;
  setCurrentDetails(
    [
      `### ${input.operation} ${input.object}: ${result?.state ?? run.phase}`,
      '',
      `\`${input.source}\``,
      '',
      '| Records | Succeeded | Rejected | Unprocessed | Parts | Jobs |',
      '|---|---|---|---|---|---|',
      `| ${total} | ${succeeded} | ${rejected} | ${unprocessed} | ${Math.min(run.next - 1, parts)} of ${parts} started | ${run.books.jobs.length} |`,
      ...(result?.error === undefined ? [] : ['', `**${result.error.code}**: ${result.error.message}`]),
      ...(run.located === undefined ? [] : ['', `Result files: \`${run.located.outputUri}\``]),
    ].join('\n'),
  );
}

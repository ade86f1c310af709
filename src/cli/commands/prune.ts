/** `nightload prune`: removes result files of loads that ended long ago. */
import { randomUUID } from 'node:crypto';
import type { PruneResultsInput, PruneResultsResult } from '../../contract/prune-results.js';
import type { Duration } from '../../contract/names.js';
import { pruneResultsResult } from '../../client/answers/worker-answers.js';
import { readPruneResultsInput } from '../../domain/input/other-inputs.js';
import { count, moment } from '../../domain/text/format.js';
import { printJson, say } from '../shared/output.js';
import { runOnWorker } from '../temporal/run-on-worker.js';

export interface PruneOptions {
  olderThan: string;
  dryRun?: boolean;
  timeout?: string;
  json?: boolean;
}

/** Lines for loads; `--json` has more. */
const MAX_LINES = 50;
/** A person must look at something. */
const NEEDS_PERSON = 2;

export async function prune(options: PruneOptions): Promise<number> {
  const input: PruneResultsInput = { olderThan: options.olderThan as Duration, dryRun: options.dryRun === true };
  readPruneResultsInput(input);
  const result = await runOnWorker('pruneResults', pruneResultsResult, {
    workflowId: `nightload-prune/${randomUUID()}`,
    args: [input],
    staticSummary: `${input.dryRun === true ? 'find' : 'remove'} results older than ${options.olderThan}`,
    // Millions of files, one host after the other.
    workflowExecutionTimeout: '12h',
    timeout: options.timeout,
  });
  print(result, options);
  if (options.json === true) printJson(result);
  return result.unclear > 0 || result.failedHosts.length > 0 ? NEEDS_PERSON : 0;
}

function print(result: PruneResultsResult, { olderThan }: PruneOptions): void {
  const { dryRun, listed, loads, running, recent } = result;
  for (const one of listed.slice(0, MAX_LINES)) {
    const state = one.forgotten ? 'no longer in Temporal, newest file' : 'ended';
    say(`${one.loadId}  ${state} ${moment(one.endedAt)}  ${amount(one)}${on(one.host)}`);
  }
  if (loads > Math.min(listed.length, MAX_LINES)) {
    say(`and ${count(loads - Math.min(listed.length, MAX_LINES))} more loads`);
  }
  const verb = dryRun ? 'Would remove' : 'Removed';
  say(
    loads === 0
      ? `Nothing to remove that is older than ${olderThan}.`
      : `${verb} ${amount(result)} of ${loadsOf(loads)}.`,
  );
  const kept = [
    ...(running > 0 ? [`${loadsOf(running)} running`] : []),
    ...(recent > 0 ? [`${loadsOf(recent)} more recent than ${olderThan}`] : []),
  ];
  if (kept.length > 0) say(`Kept: ${kept.join(', ')}.`);
  for (const { loadId, code, message, host } of result.listedUnclear) say(`${loadId}  ${code}: ${message}${on(host)}`);
  const more = result.unclear - result.listedUnclear.length;
  if (more > 0) say(`and ${count(more)} more folders that need a decision`);
  for (const { host, code } of result.failedHosts) {
    say(`${host} did not finish (${code}): its files stay. Check its worker, then run the command again.`);
  }
  if (!result.complete) say('There may be more to remove: run the command again.');
}

function loadsOf(number: number): string {
  return `${count(number)} ${number === 1 ? 'load' : 'loads'}`;
}

function amount({ files, bytes }: { files: number; bytes: number }): string {
  return `${count(files)} ${files === 1 ? 'file' : 'files'}, ${size(bytes)}`;
}

const UNITS = ['bytes', 'kB', 'MB', 'GB', 'TB'];

function size(bytes: number): string {
  const unit = bytes < 1_000 ? 0 : Math.min(Math.floor(Math.log10(bytes) / 3), UNITS.length - 1);
  return unit === 0 ? `${bytes} bytes` : `${(bytes / 1_000 ** unit).toFixed(1)} ${UNITS[unit]}`;
}

function on(host: string | undefined): string {
  return host === undefined ? '' : `  (${host})`;
}

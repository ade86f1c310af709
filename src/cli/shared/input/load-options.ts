/** The options of a load, as users write them. Light: every command loads it, help included. */
import { InvalidArgumentError, Option } from 'commander';
import type { Command } from 'commander';
import { OPERATIONS, WHEN_LATE } from '../../../contract/names.js';
import type { Operation, WhenLate } from '../../../contract/names.js';
import type { RowFix } from '../../../contract/corrections.js';
import type { Mapping } from './mapping-file.js';

export interface LoadOptions {
  object: string;
  operation: Operation;
  externalId?: string;
  connection?: string;
  fromSf?: string;
  id?: string;
  again?: boolean;
  map?: Record<string, string>;
  mapFile?: string;
  /** Read from `mapFile`. */
  mapping?: Mapping | undefined;
  set?: Record<string, string>;
  mapLabels?: boolean;
  checkRows?: boolean;
  skipBadRows?: boolean;
  insertNulls?: boolean;
  partSize?: number;
  parallel?: number;
  pollInitial?: string;
  pollMax?: string;
  pollSettle?: string;
  retryRounds?: number;
  retryWait?: string;
  fixes?: string;
  /** Read from `fixes`. */
  fixRules?: RowFix[] | undefined;
  holdFor?: string;
  keepColumns?: boolean;
  defuse?: boolean;
  fixer?: string;
  jobTimeout?: string;
  outageLimit?: string;
  abortWhenFailed?: number;
  priority?: number;
  delimiter?: string;
  lineEnding?: 'LF' | 'CRLF';
  encoding?: string;
  output?: string;
  timeZone?: string;
  finishBy?: string;
  whenLate?: WhenLate;
  heartbeatUrl?: string;
  detach?: boolean;
  /** Only for `check`. */
  timeout?: string;
  json?: boolean;
}

/** `100MB`, `5 kB`, `2000`: 10^6 and 10^3 bytes, as the platform counts. */
export function parseBytes(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(b|kb|mb)?$/i.exec(text.trim());
  if (match === null) throw new InvalidArgumentError('Use a size such as 100MB or 500kB.');
  const unit = { b: 1, kb: 1_000, mb: 1_000_000 }[(match[2] ?? 'b').toLowerCase()] ?? 1;
  return Math.round(Number(match[1]) * unit);
}

/** `50%` or `0.5`. */
export function parseShare(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(%?)$/.exec(text.trim());
  const share = match === null ? Number.NaN : Number(match[1]) / (match[2] === '%' ? 100 : 1);
  if (!(share >= 0 && share <= 1)) throw new InvalidArgumentError('Use a share such as 50% or 0.5.');
  return share;
}

export function parseWhole(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('Use a whole number.');
  return Number(text);
}

export function parseFromOne(text: string): number {
  const number = parseWhole(text);
  if (number === 0) throw new InvalidArgumentError('Use a whole number from 1 on.');
  return number;
}

/**
 * `Header=Api__c`, repeatable. API names contain no equals sign, but a header may; `=` alone is the column without a
 * name.
 */
export function collectMapping(text: string, before: Record<string, string> = {}): Record<string, string> {
  return collect(text, text.lastIndexOf('='), before, 0);
}

/** `Api__c=value`, repeatable. */
export function collectPair(text: string, before: Record<string, string> = {}): Record<string, string> {
  return collect(text, text.indexOf('='), before, 1);
}

function collect(text: string, at: number, before: Record<string, string>, least: number): Record<string, string> {
  if (at < least) throw new InvalidArgumentError('Use NAME=VALUE.');
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}

export function parseDelimiter(text: string): string {
  return text === '\\t' || /^tab$/i.test(text) ? '\t' : text;
}

export function addLoadOptions(command: Command): Command {
  return command
    .argument('<source>', 'CSV file with a header line')
    .requiredOption('--object <name>', 'sObject API name: Account, Invoice__c')
    .addOption(new Option('--operation <operation>', 'what to do').choices(OPERATIONS).makeOptionMandatory())
    .option('--external-id <field>', 'external id field; needed for upsert')
    .option('--connection <name>', 'a connection of the worker', 'default')
    .addOption(
      new Option('--from-sf <alias>', 'the connection of a worker started with --from-sf <alias>').conflicts(
        'connection',
      ),
    )
    .option('--id <id>', 'id of the load (default: derived from the content)')
    .option('--again', 'load even if an earlier load with this id landed rows')
    .option(
      '--map <Header=Api__c>',
      'rename a column; an empty name drops it; A__c,B__c fills both; may be repeated',
      collectMapping,
    )
    .option('--map-file <file>', 'the same, from a JSON file or a Data Loader .sdl file; --map takes precedence')
    .option('--set <Api__c=value>', 'set this value in every row; may be repeated', collectPair)
    .option('--map-labels', 'columns may use field labels as names')
    .option('--check-rows', 'check every row first; do not load if any row would fail')
    .option('--skip-bad-rows', 'check every row first; reject rows that would fail and load the others')
    .option('--insert-nulls', 'empty cells clear the field')
    .option('--part-size <size>', 'bytes per job (default: 100MB)', parseBytes)
    .option('--parallel <n>', 'concurrent jobs (default: 2)', parseWhole)
    .option('--poll-initial <duration>', 'first interval between polls of a job (default: 5s)')
    .option('--poll-max <duration>', 'longest interval between polls of a job (default: 5m)')
    .option(
      '--poll-settle <duration>',
      'how long the counters of a failed or aborted job, or the size of an awaited source, must not change (default: 30s)',
    )
    .option('--retry-rounds <n>', 'how often to send failed rows again (default: 3)', parseWhole)
    .option('--retry-wait <duration>', 'wait before the first retry round (default: 1m)')
    .option('--fixes <file>', 'JSON file, or its s3: URI, of rules that correct failed rows')
    .option('--fixer <activity@queue>', 'your own activity that corrects rejected rows')
    .option('--keep-columns', 'also write the rows that landed with all columns of the source')
    .option('--defuse', 'also write copies of the result files that are safe to open in a spreadsheet (no formulas)')
    .option('--hold-for <duration>', 'how long to wait for corrections of rejected rows, e.g. 8h')
    .option('--job-timeout <duration>', 'how long a job may take before it is aborted (default: 24h)')
    .option('--outage-limit <duration>', 'how long to retry a step that fails (default: 24h)')
    .option(
      '--abort-when-failed <share>',
      'start no more parts once this share of rows has failed permanently (default: 50%)',
      parseShare,
    )
    .option('--priority <1-5>', '1 is the highest (default: 3)', parseWhole)
    .option('--delimiter <char>', 'one of , ; tab | ^ `', parseDelimiter)
    .addOption(new Option('--line-ending <ending>', 'LF or CRLF').choices(['LF', 'CRLF']))
    .option('--encoding <name>', 'utf-8; also utf-16, windows-1252, iso-8859-15, …')
    .option('--output <folder>', 'folder for result files')
    .option('--time-zone <name>', 'time zone of {date} and --finish-by, e.g. Europe/Berlin (default: UTC)')
    .option('--finish-by <time>', 'when it should have ended, e.g. 06:00: a forecast warns hours before it is late')
    .addOption(new Option('--when-late <measure>', 'what it does then (default: warn)').choices(WHEN_LATE))
    .option('--heartbeat-url <name>', "monitoring service to ping: a heartbeat of the workers' notify file")
    .option('--detach', 'start the load and return')
    .option('--json', 'print the result as JSON on stdout');
}

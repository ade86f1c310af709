/** `nightload rehearse`: tonight's load, on this machine, against the org that a folder describes. */
import { mkdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Runtime } from '@temporalio/worker';
import type { BulkLoadInput } from '../../contract/load-input.js';
import { resolveInput } from '../../domain/input/resolve-input.js';
import { workflowIdOf } from '../../domain/load-ids.js';
import { findTimeSkippingServer } from '../../dev/find-time-skipping.js';
import { count, rows as rowsText, time } from '../../domain/text/format.js';
import { NightloadError } from '../../errors.js';
import { duration } from '../../pages/report/view.js';
import type { Simulator } from '../../simulator/index.js';
import { workerLog } from '../../workers/logger.js';
import { assumedObjects } from '../shared/rehearsal/assumed-records.js';
import { INTERRUPTED, RESULT_EXIT_CODES } from '../shared/exit-codes.js';
import { IS_URI, toInput, withFiles } from '../shared/input/load-input.js';
import type { LoadOptions } from '../shared/input/load-options.js';
import { ownResultFile } from '../shared/local-files.js';
import { printJson, say } from '../shared/output.js';
import { printResult } from '../shared/result/print-result.js';
import { doneRows } from '../shared/progress/figures.js';
import { causesOf } from '../shared/rehearsal/causes.js';
import type { Cause } from '../shared/rehearsal/causes.js';
import { forecastOf, knownSpeed } from '../shared/rehearsal/forecast.js';
import type { DurationForecast, KnownSpeed } from '../shared/rehearsal/forecast.js';
import { lockFiguresIn, lockText } from '../shared/rehearsal/locks.js';
import { rehearsalNotes } from '../shared/rehearsal/notes.js';
import { rehearseLoad } from '../shared/rehearsal/run-load.js';
import type { Rehearsed, RehearsalPlace } from '../shared/rehearsal/run-load.js';
import { trySettings } from '../shared/rehearsal/try-settings.js';
import { asSeeds } from '../shared/input/seed-records.js';

export interface RehearseOptions extends LoadOptions {
  org: string;
  seedRecords?: string[];
  try?: string[];
  quiet?: boolean;
}

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;
const RESULTS_FOLDER = 'nightload-rehearsals';
const SAY_EVERY_MS = 10_000;
/** A connection that pages or pings people has no place in a rehearsal, nor have people who correct rows. */
const LEFT_OUT = { heartbeatUrl: '--heartbeat-url', fixer: '--fixer', holdFor: '--hold-for' } as const;

interface Tried extends Pick<Rehearsed, 'durationMs' | 'batches' | 'batchRetries'> {
  setting: string;
  state: string;
  rejected: number;
  recovered: number;
  jobs: number;
  apiRequests: number;
}

export async function rehearse(source: string, options: RehearseOptions): Promise<number> {
  const stop = new AbortController();
  const interrupt = (): void => {
    // The second time, nothing is waited for.
    if (stop.signal.aborted) process.exit(INTERRUPTED);
    say('Stopping…');
    stop.abort(new Error('interrupted'));
  };
  for (const name of SIGNALS) process.on(name, interrupt);
  try {
    return await rehearseAll(source, options, stop.signal);
  } catch (error) {
    if (stop.signal.aborted) return INTERRUPTED;
    throw error;
  } finally {
    for (const name of SIGNALS) process.off(name, interrupt);
  }
}

async function rehearseAll(source: string, given: RehearseOptions, signal: AbortSignal): Promise<number> {
  const began = new Date();
  const { org, json, quiet, try: tries = [], seedRecords, ...options } = given;
  const settings = trySettings(tries);
  const log = quiet === true ? () => undefined : say;
  for (const [key, option] of Object.entries(LEFT_OUT)) {
    if (options[key as keyof typeof LEFT_OUT] === undefined) continue;
    log(`${option} is left out of a rehearsal.`);
    delete options[key as keyof typeof LEFT_OUT];
  }
  const stamp = began.toISOString().replace(/\D/g, '').slice(0, 14);
  const output = resolve(options.output ?? join(RESULTS_FOLDER, stamp));
  if (options.output !== undefined && IS_URI.test(options.output)) {
    throw new NightloadError('USAGE', '--output: a rehearsal writes its files to a folder of this machine.');
  }
  const complete = await withFiles({ ...options, output });
  const input = (more: Partial<LoadOptions>, folder: string, id: string): BulkLoadInput =>
    toInput(source, { ...complete, ...more, output: join(output, folder), id });
  const id = options.id ?? `rehearsal-${stamp}`;
  const first = input({}, '', id);
  const attempts = settings.map(({ name, options: more }, i) => {
    return { name, load: checkedInput(name, input(more, `try-${i + 1}`, `${id}-try-${i + 1}`)) };
  });
  const seeds = asSeeds(seedRecords ?? []);
  const place = await placeOf(resolve(org), { source: first.source, output, seeds, log });
  Runtime.install({ ...workerLog({ level: 'ERROR', format: 'text', audit: false }), shutdownSignals: [] });
  log(`Rehearsing on the org of ${org}.`);
  for (const note of await rehearsalNotes(resolve(org), options, seeds)) log(note);
  const base = await rehearseLoad(first, place, {
    onProgress: progressLines(log),
    onOrg: (one) => sayOrg(one, log),
    signal,
  });
  const known = await knownSpeed(resolve(org), options.object, options.operation);
  const forecast = forecastOf(base.durationMs, known);
  const rejected = await ownResultFile(base.result, 'rejected');
  const causes = rejected === undefined ? [] : await causesOf(rejected, options.externalId);
  await printResult(base.result);
  sayCauses(causes);
  const report = await ownResultFile(base.result, 'report');
  const locks = report === undefined ? undefined : await lockFiguresIn(report);
  sayForecast(base, forecast, known);
  sayLocks(lockText(locks, known.lockShare));
  saySkipped(base.skippedRules);
  const tried = [triedOf('as given', base)];
  for (const { name, load } of attempts) {
    log(`Trying ${name}…`);
    const run = await rehearseLoad(load, place, {
      onProgress: progressLines(log),
      signal,
    });
    tried.push(triedOf(name, run));
  }
  if (attempts.length > 0) sayTried(tried);
  if (json === true) {
    const { result, durationMs, batches, batchRetries, skippedRules } = base;
    const rehearsal = { org, durationMs, forecast, batches, batchRetries, causes, skippedRules, tried };
    printJson({ ...result, rehearsal });
  }
  return RESULT_EXIT_CODES[base.result.state];
}

/** A value that no load may have is refused before the first rehearsal. @throws NightloadError `USAGE` */
function checkedInput(name: string, load: BulkLoadInput): BulkLoadInput {
  try {
    resolveInput(load, workflowIdOf(load.loadId ?? ''));
    return load;
  } catch (error) {
    throw new NightloadError('USAGE', `--try ${name}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** @throws NightloadError `USAGE`, `TIME_SKIPPING_SERVER_NOT_FOUND` */
async function placeOf(
  org: string,
  {
    source,
    output,
    seeds,
    log,
  }: { source: string; output: string; seeds: Record<string, string>; log: (text: string) => void },
): Promise<RehearsalPlace> {
  const assumedRecords = await assumedObjects(org, seeds);
  await mkdir(output, { recursive: true, mode: 0o700 });
  const program = await findTimeSkippingServer(process.env, undefined, log);
  const folders = source.startsWith('file:') ? [dirname(fileURLToPath(source))] : [];
  return {
    program,
    org,
    seedRecords: seeds,
    assumedRecords,
    roots: [output, process.cwd(), ...folders],
  };
}

function sayOrg({ unevaluatedRules }: Simulator, log: (text: string) => void): void {
  if (unevaluatedRules.length === 0) return;
  log(`Not rehearsed, because the simulated org cannot evaluate it (${unevaluatedRules.length}):`);
  for (const { object, kind, name, reason } of unevaluatedRules) log(`  ${object}, ${kind} ${name}: ${reason}`);
}

function progressLines(log: (text: string) => void): (progress: Parameters<typeof doneRows>[0], ms: number) => void {
  let said = performance.now();
  return (progress, ms) => {
    if (performance.now() - said < SAY_EVERY_MS) return;
    said = performance.now();
    log(`  ${time(ms)} of the night: ${count(doneRows(progress))} of ${count(progress.records.total)} rows`);
  };
}

function sayCauses(causes: readonly Cause[]): void {
  if (causes.length === 0) return;
  say('');
  say('  Rows that would be rejected, by cause');
  const width = Math.max(...causes.map(({ rows }) => count(rows).length));
  for (const { code, fields, rows, message, samples } of causes) {
    const of = fields.length === 0 ? '' : ` (${fields.join(', ')})`;
    say(`  ${count(rows).padStart(width)}  ${code}${of}: ${message}`);
    say(`  ${' '.repeat(width)}  such as ${samples.join(', ')}`);
  }
}

function sayForecast(run: Rehearsed, forecast: DurationForecast | undefined, { jobs }: KnownSpeed): void {
  say('');
  if (forecast === undefined) {
    say('  Duration     unknown: the folder does not say how fast the org is for this object and operation');
  } else {
    const why =
      forecast.basis === 'past jobs'
        ? `as different as the ${count(jobs)} past jobs`
        : 'a guess: the folder has too few past jobs';
    say(
      `  Duration     ${duration(forecast.ms)}; 8 of 10 nights: ${duration(forecast.from)} to ${duration(forecast.to)} (${why})`,
    );
  }
  const retried = run.batchRetries === 0 ? '' : `, ${count(run.batchRetries)} put back in the queue`;
  say(`  Batches      ${count(run.batches)}${retried}`);
  say(`  API requests ${count(run.result.apiRequests)}`);
  say(`  Rehearsed in ${time(run.tookMs)}`);
}

function sayLocks(text: string | undefined): void {
  if (text !== undefined) say(`  Locked rows  ${text}`);
}

/** Rows that change records of which the folder says nothing. */
function saySkipped(skipped: Rehearsed['skippedRules']): void {
  if (skipped.length === 0) return;
  say('');
  say(
    '  Rules that were not evaluated for rows of existing records, because they read fields that the rows do not write',
  );
  say('  (--seed-records gives an object its records):');
  for (const { object, name, rows, fields } of skipped) {
    say(`  ${rowsText(rows)}  ${object}, validation rule ${name}: reads ${fields.join(', ')}`);
  }
}

function triedOf(setting: string, { result, durationMs, batches, batchRetries }: Rehearsed): Tried {
  return {
    setting,
    state: result.state,
    durationMs,
    rejected: result.records.rejected,
    recovered: result.retry.recovered,
    jobs: result.jobsTotal,
    batches,
    batchRetries,
    apiRequests: result.apiRequests,
  };
}

function sayTried(tried: readonly Tried[]): void {
  const titles = ['Setting', 'Duration', 'Rejected', 'Recovered', 'Jobs', 'Batches', 'Put back', 'API requests'];
  const lines = tried.map((one) => [
    one.setting,
    duration(one.durationMs),
    count(one.rejected),
    count(one.recovered),
    count(one.jobs),
    count(one.batches),
    count(one.batchRetries),
    count(one.apiRequests),
  ]);
  const widths = titles.map((title, i) => Math.max(title.length, ...lines.map((line) => (line[i] ?? '').length)));
  say('');
  for (const line of [titles, ...lines]) {
    say(
      `  ${line.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  ')}`,
    );
  }
  const contend = tried.some(({ batchRetries, recovered }) => batchRetries + recovered > 0);
  if (contend) say('  Which rows find a lock held is chance: compare large differences only.');
}

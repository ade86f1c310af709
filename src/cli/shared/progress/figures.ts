/** What people want to know about a running load, computed from its `progress` answer. Pure. */
import type { LoadProgress, PartPhase, PartProgress } from '../../../contract/load-progress.js';
import { count, rows, share } from '../../../domain/text/format.js';
import { forecastText, hourText } from '../../../domain/text/forecast-text.js';
import { plainText } from '../../../domain/text/plain-text.js';

/** A `progress` answer lists no more parts. */
const MAX_LISTED_PARTS = 200;
const ENDED: readonly PartPhase[] = ['done', 'failed'];

/** What is shown of a load at a moment. */
export interface Shown {
  progress: LoadProgress;
  /** Of the jobs that have ended. */
  apiRequests?: number | undefined;
  rowsPerSecond?: number | undefined;
  /** When the last row of the first pass will be through, in milliseconds since 1970. */
  endsAt?: number | undefined;
}

const PART_WORDS: Record<PartPhase, string> = {
  waiting: 'waiting',
  creating: 'creating job',
  uploading: 'uploading',
  closing: 'closing job',
  processing: 'processing',
  settling: 'final counts',
  downloading: 'downloading',
  done: 'done',
  failed: 'failed',
};

export function partWords({ phase }: PartProgress): string {
  return PART_WORDS[phase];
}

export function runningParts({ parts }: LoadProgress): PartProgress[] {
  return parts.filter(({ phase }) => phase !== 'waiting' && !ENDED.includes(phase));
}

/** `28 parts wait for allocation`; why is in what the load waits for. */
export function askingText({ parts }: LoadProgress): string | undefined {
  const asking = parts.filter(({ phase, waitingFor }) => phase === 'waiting' && waitingFor !== undefined).length;
  if (asking === 0) return undefined;
  return `${count(asking)} ${asking === 1 ? 'part waits' : 'parts wait'} for allocation`;
}

const sum = (parts: readonly PartProgress[], of: (part: PartProgress) => number): number =>
  parts.reduce((total, part) => total + of(part), 0);

/** Rows that a job of the first pass has processed, landed or not: the speed is measured in them. */
export function processedRows(progress: LoadProgress): number {
  return (progress.ended ?? 0) + sum(runningParts(progress), ({ processed }) => processed);
}

/** Rows of the first pass that no job has processed yet. */
export function rowsLeft(progress: LoadProgress): number {
  return Math.max(0, progress.records.total - progress.records.rejected - processedRows(progress));
}

/** Rows that need nothing more: they landed, or it is certain that they will not. Failed rows are retried first. */
export function doneRows(progress: LoadProgress): number {
  const { total, unaccounted } = progress.records;
  const landing = progress.phase === 'loading' ? runningParts(progress) : [];
  const done = total - unaccounted + sum(landing, ({ processed, failed }) => processed - failed);
  return Math.min(total, Math.max(0, done));
}

/** Rows that failed so far and did not land in a retry. */
function failedRows(progress: LoadProgress): number {
  const { phase, records, ended = 0 } = progress;
  if (phase === 'holding' || phase === 'reporting' || phase === 'done') return records.rejected;
  const failed = Math.max(0, ended - records.succeeded - records.unprocessed);
  return failed + sum(runningParts(progress), (part) => part.failed);
}

export function percentDone(progress: LoadProgress): string {
  return share(doneRows(progress), progress.records.total);
}

/** `130,240 of 250,000 rows`. */
export function rowsDone(progress: LoadProgress): string {
  return `${count(doneRows(progress))} of ${rows(progress.records.total)}`;
}

/** `3 of 5 parts done`; nothing for a load of one part. */
export function partsDone({ parts }: LoadProgress): string | undefined {
  if (parts.length < 2) return undefined;
  const ended = parts.filter(({ phase }) => ENDED.includes(phase)).length;
  const more = parts.length < MAX_LISTED_PARTS ? '' : ' or more';
  return `${ended} of ${parts.length}${more} parts done`;
}

/** `12 failed`; after the retries `12 rejected`. */
export function failedText(progress: LoadProgress): string | undefined {
  const failed = failedRows(progress);
  if (failed === 0) return undefined;
  return `${count(failed)} ${failed === progress.records.rejected ? 'rejected' : 'failed'}`;
}

/** Coarse, so that it does not change all the time. */
export function leftText(seconds: number): string {
  if (seconds < 10) return 'a few seconds left';
  if (seconds < 60) return `about ${Math.ceil(seconds / 10) * 10} s left`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `about ${minutes} min left` : `about ${(seconds / 3_600).toFixed(1)} h left`;
}

/** Speed and estimate. */
export function speedTexts({ progress: { forecast }, rowsPerSecond, endsAt }: Shown, now: number): string[] {
  const texts: string[] = [];
  if (rowsPerSecond !== undefined) {
    const rate = rowsPerSecond < 10 ? String(Number(rowsPerSecond.toFixed(1))) : count(Math.round(rowsPerSecond));
    texts.push(`${rate} rows/s`);
  }
  // A load of minutes ends before its first forecast.
  if (forecast?.endsAt !== undefined || endsAt === undefined) {
    if (forecast !== undefined) texts.push(forecastText(forecast, now));
    return texts;
  }
  texts.push(leftText((endsAt - now) / 1_000));
  if (forecast !== undefined) texts.push(hourText(forecast, now));
  return texts;
}

export function requestsText({ apiRequests }: Shown): string | undefined {
  return apiRequests === undefined || apiRequests === 0 ? undefined : `${count(apiRequests)} API requests`;
}

/** What the load waits for: untrusted text in part, so without anything that a terminal would obey. */
export function waitText({ phase, waitingFor, paused }: LoadProgress): string | undefined {
  if (paused) return 'paused: no new job starts, running ones continue, until `nightload resume`';
  if (waitingFor === undefined) return undefined;
  const wait = plainText(waitingFor, 1_000);
  // During the retry the text is complete in itself.
  return phase === 'retrying' ? wait : `waits for ${wait}`;
}

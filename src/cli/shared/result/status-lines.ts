/** A running load on one screen: what a person must know first, then as many parts as fit. Pure. */
import type { LoadProgress, PartProgress, StatusState } from '../../../contract/load-progress.js';
import type { BulkLoadResult } from '../../../contract/load-result.js';
import { defined } from '../../../domain/defined.js';
import { reachableId } from '../../../domain/load-ids.js';
import { count, share } from '../../../domain/text/format.js';
import {
  askingText,
  failedText,
  partWords,
  partsDone,
  percentDone,
  requestsText,
  runningParts,
  speedTexts,
} from '../progress/figures.js';
import type { Size } from '../progress/screen.js';
import { rowsOf } from '../progress/text-lines.js';

export type Status = Omit<BulkLoadResult, 'state'> & { state: StatusState } & Partial<Omit<LoadProgress, 'records'>>;

export interface StatusView {
  status: Status;
  startTime: Date;
  /** Undefined when no worker answers. */
  progress: LoadProgress | undefined;
  /** Steps that fail and are retried, and how many more there are. */
  failures: { lines: readonly string[]; more: number };
  /** Queues without a free worker. */
  queues: readonly string[];
}

/** Of the screen, for what fails; the first one is always shown. */
const MAX_FAILURE_ROWS = 10;
const MIN_PARTS = 3;
/** The prompt, and the command above. */
const OTHER_ROWS = 2;

export function statusLines(view: StatusView, { columns, rows }: Size, now: number): string[] {
  const { status, startTime, progress, queues } = view;
  const { phase, waitingFor, paused, files } = status;
  const id = reachableId(status.workflowId);
  const lines = [
    `${status.workflowId}: ${status.state}${phase === undefined ? '' : `, ${phase}`}, since ${startTime.toISOString()}`,
    `  ${headline(status, progress)}`,
  ];
  if (progress !== undefined) {
    const figures = figuresOf(progress, status.apiRequests, now);
    if (figures !== '') lines.push(`  ${figures}`);
  }
  const label = phase === 'retrying' && paused !== true ? 'now' : 'waits for';
  const resume = paused === true ? ` (nightload resume ${id})` : '';
  if (waitingFor !== undefined) lines.push(`  ${label}: ${waitingFor}${resume}`);
  lines.push(...failureLines(view, columns), ...queues.map((line) => `  ${line}`));
  if (files.rejected !== undefined) lines.push(`  rejected rows: ${files.rejected}`);
  if (phase === 'holding') lines.push(`  to send them, corrected: nightload correct ${id} FILE`);
  const { rejected: copy } = files.forPeople ?? {};
  if (copy !== undefined) lines.push(`  for a spreadsheet: ${copy}`);
  const used = lines.reduce((sum, line) => sum + rowsOf(line, columns), OTHER_ROWS);
  return [...lines, ...partLines(progress, Math.max(MIN_PARTS, rows - used))];
}

function headline({ object, operation, records }: Status, progress: LoadProgress | undefined): string {
  const what = object === '' ? 'its input is unreadable here' : `${operation} ${object}`;
  if (progress === undefined) return `${what}: the number of landed rows is currently unknown`;
  return `${what}: ${count(records.total)} rows, ${count(records.succeeded)} landed so far`;
}

function figuresOf(progress: LoadProgress, apiRequests: number, now: number): string {
  const { records, rowsPerSecond, secondsLeft } = progress;
  const endsAt = secondsLeft === undefined ? undefined : now + 1_000 * secondsLeft;
  return [
    records.total > 0 ? `${percentDone(progress)} done` : undefined,
    failedText(progress),
    ...speedTexts({ progress, ...defined({ rowsPerSecond, endsAt }) }, now),
    partsDone(progress),
    askingText(progress),
    requestsText({ progress, apiRequests }),
  ]
    .filter((text) => text !== undefined)
    .join(', ');
}

function failureLines({ failures }: StatusView, columns: number): string[] {
  const lines: string[] = [];
  let used = 0;
  for (const failure of failures.lines) {
    used += rowsOf(`  ${failure}`, columns);
    if (lines.length > 0 && used > MAX_FAILURE_ROWS) break;
    lines.push(`  ${failure}`);
  }
  const more = failures.more + failures.lines.length - lines.length;
  if (more > 0) lines.push(`  and ${count(more)} more steps that fail and are retried`);
  return lines;
}

/** Running parts, then those that failed. */
function partLines(progress: LoadProgress | undefined, room: number): string[] {
  if (progress === undefined) return [];
  const parts = [...runningParts(progress), ...progress.parts.filter(({ phase }) => phase === 'failed')];
  const shown = parts.slice(0, parts.length <= room ? room : room - 1);
  const more = parts.length - shown.length;
  return [...shown.map(partLine), ...(more > 0 ? [`  and ${count(more)} more parts that run or failed`] : [])];
}

function partLine(part: PartProgress): string {
  const { n, jobId, processed, total, failed, bytes } = part;
  const pieces = [partWords(part), `${count(processed)} of ${count(total)}`];
  if (part.phase === 'uploading' && bytes !== undefined) pieces.push(`${share(bytes.sent, bytes.total)} sent`);
  if (failed > 0) pieces.push(`${count(failed)} failed`);
  if (jobId !== undefined) pieces.push(`job ${jobId}`);
  return `  part ${n}: ${pieces.join(', ')}`;
}

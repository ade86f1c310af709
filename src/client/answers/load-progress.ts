/** Answers of a running load to queries and updates. */
import { z } from 'zod';
import type { CorrectionsTaken } from '../../contract/corrections.js';
import { LOAD_PHASES } from '../../contract/load-phases.js';
import { PART_PHASES } from '../../contract/load-progress.js';
import type { LoadProgress, LoadSoFar, PartProgress } from '../../contract/load-progress.js';
import { isPlatformId, MAX_PARTS } from '../../domain/name-and-number-limits.js';
import { files, jobs, recordCounts, retryCounts, warnings } from './load-result.js';
import { count, fields, fileUri, goodOnes, ifGood, line, readAnswer, readIf } from './shapes.js';

const MAX_LISTED_PARTS = 200;
const MAX_WAITING = 1_000;

const part = fields({
  n: z.int().min(1).max(MAX_PARTS),
  phase: z.enum(PART_PHASES),
  jobId: ifGood(z.string().refine(isPlatformId)),
  processed: count,
  failed: count,
  total: count,
  waitingFor: ifGood(line(MAX_WAITING)),
});

const moment = z.iso.datetime();

const forecast = fields({
  endsAt: ifGood(moment),
  earliest: ifGood(moment),
  latest: ifGood(moment),
  finishBy: moment,
  late: z.boolean(),
});

const progress = fields({
  phase: z.enum(LOAD_PHASES),
  records: recordCounts,
  parts: goodOnes((value) => readIf(part, value), MAX_LISTED_PARTS),
  ended: ifGood(count),
  loadingSince: ifGood(z.iso.datetime()),
  forecast: ifGood(forecast),
  waitingFor: ifGood(line(MAX_WAITING)),
  rejectedFile: ifGood(fileUri),
  paused: z.boolean(),
});

const soFar = fields({
  retry: retryCounts,
  jobs,
  jobsTotal: count,
  apiRequests: count,
  files,
  warnings: ifGood(warnings),
});

const taken = fields({ rows: count, remaining: count, warnings: ifGood(warnings) });

/** @throws NightloadError `LOAD_UNREADABLE` */
export function progressOf(workflowId: string, value: unknown): LoadProgress {
  return readAnswer(progress, value, `The answer of ${workflowId} to the query \`progress\``);
}

/** The answer of a part's own workflow. */
export function readPart(value: unknown): PartProgress | undefined {
  return readIf(part, value);
}

/** @throws NightloadError `LOAD_UNREADABLE` */
export function soFarOf(workflowId: string, value: unknown): LoadSoFar {
  return readAnswer(soFar, value, `The answer of ${workflowId} to the query \`soFar\``);
}

/** @throws NightloadError `LOAD_UNREADABLE` */
export function takenOf(workflowId: string, value: unknown): CorrectionsTaken {
  return readAnswer(taken, value, `The answer of ${workflowId} to the update \`submitCorrections\``);
}

const beat = fields({ bytes: ifGood(count), requests: fields({ total: ifGood(count) }).catch({}) });

/** What an activity's heartbeat counts. */
export function readBeat(value: unknown): { bytes: number; requests: number } | undefined {
  const found = readIf(beat, value);
  return found && { bytes: found.bytes ?? 0, requests: found.requests.total ?? 0 };
}

const sent = z.object({ bytes: count, bytesTotal: count });

/** How far an upload is, according to its activity's heartbeat. */
export function readSent(value: unknown): { sent: number; total: number } | undefined {
  const found = readIf(sent, value);
  return found && { sent: found.bytes, total: found.bytesTotal };
}

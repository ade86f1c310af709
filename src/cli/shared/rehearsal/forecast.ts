/** How long a real load will take, from its rehearsal: as uncertain as the past jobs of the org differ. */
import { join } from 'node:path';
import { z } from 'zod';
import { lockShareOf, pastTimes } from '../../../capture/past-jobs.js';
import type { PastJob } from '../../../capture/past-jobs.js';
import type { Operation } from '../../../contract/names.js';
import { defined } from '../../../domain/defined.js';
import { readFolderFile } from './folder-file.js';

/** 80 % of a normal distribution lie within so many standard deviations. */
const EIGHTY_PERCENT = 1.2816;
/** No night is exactly like the nights before. */
const MIN_SD = 0.1;
/** Without past jobs: as a forecast of a load without history. */
const UNKNOWN_SD = 0.35;

const count = z.number().min(0);
const SPEED = z.object({ rowsPerSecond: z.number().positive() });
const OBJECT = z.object({
  speed: z.record(z.string(), SPEED).optional(),
  history: z
    .array(
      z.object({
        operation: z.string(),
        state: z.string(),
        createdDate: z.string(),
        systemModstamp: z.string().optional(),
        numberRecordsProcessed: count,
        numberRecordsFailed: count,
        totalProcessingTime: count,
        apiActiveProcessingTime: count,
        apexProcessingTime: count,
        errors: z.record(z.string(), count).optional(),
      }),
    )
    .optional(),
});
const ORG = z.object({ time: z.object({ rowsPerSecond: z.number().positive().optional() }).optional() });

/** What the folder says about the speed of the org for a load. The folder has been checked before. */
export interface KnownSpeed {
  rowsPerSecond?: number;
  /** Past jobs of the object, by the same operation. */
  jobs: number;
  /** Their spread, if there are enough of them. */
  spread?: number;
  /** The part of their rows that failed for a lock, if their errors were counted. */
  lockShare?: number;
}

export async function knownSpeed(org: string, object: string, operation: Operation): Promise<KnownSpeed> {
  const [file, settings] = await Promise.all([
    readFolderFile(join(org, 'objects', `${object}.json`), OBJECT),
    readFolderFile(join(org, 'org.json'), ORG),
  ]);
  const jobs = (file?.history ?? []).filter((job) => job.operation === operation) as PastJob[];
  const speed = file?.speed?.[operation] ?? file?.speed?.['any'];
  return {
    jobs: jobs.length,
    ...defined({
      rowsPerSecond: speed?.rowsPerSecond ?? settings?.time?.rowsPerSecond,
      spread: pastTimes([jobs]).spread,
      lockShare: lockShareOf(jobs),
    }),
  };
}

export interface DurationForecast {
  ms: number;
  /** Eight of ten nights lie between these. */
  from: number;
  to: number;
  /** Past jobs that tell the spread; without enough of them, it is a guess. */
  basis: 'past jobs' | 'no past jobs';
}

/** @returns undefined if the folder does not say how fast the org is */
export function forecastOf(durationMs: number, { rowsPerSecond, spread }: KnownSpeed): DurationForecast | undefined {
  if (rowsPerSecond === undefined) return undefined;
  // The spread is half of the distance between the slow and the fast tenth.
  const sd = spread === undefined ? UNKNOWN_SD : Math.max(MIN_SD, Math.log1p(spread) / EIGHTY_PERCENT);
  const factor = Math.exp(EIGHTY_PERCENT * sd);
  return {
    ms: durationMs,
    from: Math.round(durationMs / factor),
    to: Math.round(durationMs * factor),
    basis: spread === undefined ? 'no past jobs' : 'past jobs',
  };
}

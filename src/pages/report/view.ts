/** What a report's page shows, and how it writes numbers and times. */
import type { LoadFigures } from '../../contract/load-figures.js';
import type { BulkLoadResult } from '../../contract/load-result.js';
import { count } from '../../domain/text/format.js';
import type { SampledCause } from '../../rows/causes/rejected-causes.js';

export interface ReportView {
  /** As in report.json. */
  result: BulkLoadResult & { figures: LoadFigures };
  source: string;
  connection: string;
  schedule?: string | undefined;
  externalIdFieldName?: string | undefined;
  /** With samples of rows. */
  causes: readonly SampledCause[];
  /** Paths or URIs of result files, as a person names them in a command. */
  places: {
    rejected?: string | undefined;
    unprocessed?: string | undefined;
    /** The folder with the results of all loads. */
    output: string;
  };
  /** What the connection may use of the org's rolling 24 hours. */
  allocation: { recordsPerWindow: number; batchesPerWindow: number };
  /** The load in the Temporal UI; http or https. */
  uiUrl?: string | undefined;
}

/** `2026-11-30 02:28:05 UTC` */
export function stamp(iso: string): string {
  return `${iso.slice(0, 19).replace('T', ' ')} UTC`;
}

export function msBetween(from: string, to: string): number {
  return Math.max(0, Date.parse(to) - Date.parse(from));
}

/** `4.2 s`, `3 min 20 s`, `2 h 05 min`. */
export function duration(ms: number): string {
  if (ms < 10_000) return `${(ms / 1_000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1_000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
}

/** Of a whole: `12.5 %`, and `< 0.1 %` rather than zero. */
export function percent(part: number, whole: number): string {
  if (whole <= 0 || part <= 0) return '0 %';
  const share = (100 * part) / whole;
  // Rounded down: not all of it must not look like all of it.
  return share < 0.1 ? '< 0.1 %' : `${share < 10 || share > 99 ? Math.floor(10 * share) / 10 : Math.floor(share)} %`;
}

/** Rows, or a rate of them. */
export function rounded(number: number): string {
  return number < 10 ? number.toFixed(1) : count(Math.round(number));
}

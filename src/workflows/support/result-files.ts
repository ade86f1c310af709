/** The files of a load or a retry, by what became of their rows. */
import { MAX_LISTED_FILES } from '../../contract/load-result.js';

/** `file:` URIs; for rows that landed only the first ones, for all others every one. */
export interface ResultFiles {
  succeeded: string[];
  rejected: string[];
  unprocessed: string[];
  changes: string[];
}

export function noFiles(): ResultFiles {
  return { succeeded: [], rejected: [], unprocessed: [], changes: [] };
}

/** Lists a file with rows that landed, while there is room. */
export function listSucceeded(files: ResultFiles, ...uris: string[]): void {
  files.succeeded.push(...uris.slice(0, MAX_LISTED_FILES - files.succeeded.length));
}

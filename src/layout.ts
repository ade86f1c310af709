/** Names of the files beside a load's results, for those who write them and those who only name them. Pure. */

/** Folder of a part inside its stage; parts are numbered from 1. */
export function partFolder(part: number): string {
  return `part-${String(part).padStart(5, '0')}`;
}

export const SUCCEEDED_FILE = 'succeeded.csv';

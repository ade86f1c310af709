/** The three result files of a job, as the platform names them. */

export const RESULT_KINDS = ['successfulResults', 'failedResults', 'unprocessedrecords'] as const;
export type ResultKind = (typeof RESULT_KINDS)[number];

/** What names and numbers that come from outside may be at most, wherever they are read. Pure, and safe in workflows. */

/** More parts no load has: each is a job, and a plan of more of them would be written and read for too long. */
export const MAX_PARTS = 20_000;
/** Columns of a table of an input: as many fields as the platform takes. */
export const MAX_COLUMNS = 5_000;
/** Characters of all mapping tables and fix rules of an input together, as JSON. */
export const MAX_TABLES = 200_000;
/** Characters of the name of an activity, a task queue or a connection. */
export const MAX_NAME = 255;
/** Between the cells of a file. */
export const DELIMITERS = [',', ';', '\t', '|', '^', '`'] as const;

export function isDelimiter(value: unknown): boolean {
  return (DELIMITERS as readonly unknown[]).includes(value);
}

/** An id of a job, a user or a rule: 15 characters, or 18 with their check. */
export const PLATFORM_ID = /^[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?$/;
/** Of an object or a field: `Invoice__c` */
export const API_NAME = /^[A-Za-z]\w{0,254}$/;
/** `v66.0` */
export const API_VERSION = /^v\d{2,3}\.0$/;
/** Of a request for the org's allocation: `<first run id of the part>/<number of the request>` */
export const REQUEST_ID = /^[A-Za-z0-9._-]{1,200}\/\d{1,9}$/;

/** The run that a request is of. */
export function runOfRequest(requestId: string): string {
  return requestId.slice(0, requestId.lastIndexOf('/'));
}

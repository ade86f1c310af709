/** Limits of names and numbers from outside, wherever they are read. Pure, and safe in workflows. */

/** No load has more parts: each is a job, and a larger plan would take too long to write and read. */
export const MAX_PARTS = 20_000;
/** No load, and no job of an org, has more rows: sums of them stay exact. */
export const MAX_ROWS = 1e12;
/** Requests of one step: sums over all steps of a load stay exact. */
export const MAX_REQUESTS = 1e9;
/** Columns in one table of an input: as many as the platform's maximum of fields. */
export const MAX_COLUMNS = 5_000;
/** Characters of all mapping tables and fix rules of an input together, as JSON. */
export const MAX_TABLES = 200_000;
/** Characters of the name of an activity, a task queue or a connection. */
export const MAX_NAME = 255;
/** Delimiters between the cells of a file. */
export const DELIMITERS = [',', ';', '\t', '|', '^', '`'] as const;

export function isDelimiter(value: unknown): boolean {
  return (DELIMITERS as readonly unknown[]).includes(value);
}

/** An id of a job, a user or a rule: 15 characters, or 18 with checksum. */
export const PLATFORM_ID = /^[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?$/;
/** Whether it is an id of the platform's form. */
export function isPlatformId(id: unknown): id is string {
  return typeof id === 'string' && PLATFORM_ID.test(id);
}

/** Whether it is a whole number from 0 to `most`. */
export function isCount(value: unknown, most: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= most;
}

/** Name of an object or a field: `Invoice__c`. Without `\w`: JSON Schemas publish it, and other languages read that differently. */
export const API_NAME = /^[A-Za-z][A-Za-z0-9_]{0,254}$/;
/** `Name`, `Owner.Email`, `Lead:Who.Email` */
export const COLUMN_NAME = /^(?:[A-Za-z][A-Za-z0-9_]*:)?[A-Za-z][A-Za-z0-9_]*(?:\.[A-Za-z][A-Za-z0-9_]*)?$/;
/** `v66.0` */
export const API_VERSION = /^v\d{2,3}\.0$/;
/** Id of a request for the org's allocation: `<first run id of the part>/<number of the request>` */
export const REQUEST_ID = /^[A-Za-z0-9._-]{1,200}\/\d{1,9}$/;

/** The first run of the part that made the request. */
export function runOfRequest(requestId: string): string {
  const end = requestId.lastIndexOf('/');
  return end === -1 ? requestId : requestId.slice(0, end);
}

/** Lengths of waits that rules for messages tell apart: each may wake a workflow once. */
export const MAX_NOTIFY_WAITS = 10;

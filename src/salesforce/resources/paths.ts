/**
 * Builds every API path from checked pieces: a name from a load, a reply or a file must not lead a request, which
 * carries the token, anywhere else in the org.
 */
import { API_VERSION, PLATFORM_ID } from '../../domain/name-and-number-limits.js';
import { plainText } from '../../domain/text/plain-text.js';
import { NightloadError } from '../../errors.js';

const OBJECT_NAME = /^\w{1,255}$/;
const MAX_QUERY = 2_000;
/** Links to the next page use no other characters. */
const QUERY = /^\?[\w=&%.,:;+~!$'()*@/-]+$/;

/** Whether it is a well-formed platform id. */
export function isId(id: unknown): id is string {
  return typeof id === 'string' && PLATFORM_ID.test(id);
}

function piece(what: string, text: string, pattern: RegExp): string {
  if (typeof text === 'string' && pattern.test(text)) return text;
  throw new NightloadError(
    'REQUEST_REFUSED',
    `The request was not sent: ${JSON.stringify(plainText(String(text), 200))} is not ${what}.`,
  );
}

/** `/services/data/v66.0` */
export function dataPath(version: string): string {
  return `/services/data/${piece('an API version such as v66.0', version, API_VERSION)}`;
}

export function jobsPath(version: string): string {
  return `${dataPath(version)}/jobs/ingest`;
}

export function jobPath(version: string, jobId: string): string {
  return `${jobsPath(version)}/${piece('the id of a job', jobId, PLATFORM_ID)}`;
}

export function describePath(version: string, object: string): string {
  return `${dataPath(version)}/sobjects/${piece('the API name of an object', object, OBJECT_NAME)}/describe`;
}

/** @param soql built from checked names */
export function queryPath(version: string, soql: string): string {
  return `${dataPath(version)}/query?q=${encodeURIComponent(soql)}`;
}

/** @param soql built from checked names */
export function toolingQueryPath(version: string, soql: string): string {
  return `${dataPath(version)}/tooling/query?q=${encodeURIComponent(soql)}`;
}

/** The picklist values of each field for a record type. */
export function picklistValuesPath(version: string, object: string, recordTypeId: string): string {
  const info = `${dataPath(version)}/ui-api/object-info/${piece('the API name of an object', object, OBJECT_NAME)}`;
  return `${info}/picklist-values/${piece('the id of a record type', recordTypeId, PLATFORM_ID)}`;
}

/**
 * The next page of a list: the same path with another query.
 * @returns undefined for a link to another path
 */
export function nextPage(link: string, path: string): string | undefined {
  const here = 'https://org.invalid';
  if (!URL.canParse(link, here)) return undefined;
  const { origin, pathname, search } = new URL(link, here);
  if (origin !== here || pathname !== path || search.length > MAX_QUERY) return undefined;
  return search === '' ? path : QUERY.test(search) ? path + search : undefined;
}

/**
 * Parses the header `Warning: 299`, with which the platform announces the end of an API version. Its text is external:
 * only values in a known format are used.
 */

export interface Deprecation {
  /** `v41.0` */
  version: string;
  /** When it ends, if the header contains it: `Summer '28`, `2028-06-01`, `June 2028`. */
  end?: string;
}

/** Characters of the header that are read. */
const MAX_HEADER = 2_000;
const MONTHS = 'January|February|March|April|May|June|July|August|September|October|November|December';
const END = new RegExp(
  `\\b(?:(Spring|Summer|Fall|Winter) ?['’]?(?:20)?(\\d{2})|(20\\d{2}-[01]\\d-[0-3]\\d)|((?:${MONTHS}) (?:[0-3]?\\d, ?)?20\\d{2}))\\b`,
  'i',
);

/** @returns undefined if the header announces no end of the version that `path` names */
export function parseDeprecation(header: string | string[] | undefined, path: string): Deprecation | undefined {
  const text = (Array.isArray(header) ? header.join(', ') : (header ?? '')).slice(0, MAX_HEADER);
  const version = /^\/services\/data\/(v\d{1,3}\.\d)(?:\/|$)/.exec(path)?.[1];
  const [, announcement] = /\b299\s+\S+\s+(.*)/.exec(text) ?? [];
  if (announcement === undefined || version === undefined) return undefined;
  if (!/deprecat|retire|removed|sunset/i.test(announcement)) return undefined;
  const [, season, year, date, month] = END.exec(announcement) ?? [];
  const end = season === undefined ? (date ?? month) : `${capitalized(season)} '${year}`;
  return { version, ...(end !== undefined && { end: season === undefined ? capitalized(end) : end }) };
}

/** Always the same text, so that a warning in many replies is reported once. */
export function retiringVersion({ version, end }: Deprecation): string {
  return (
    `Salesforce will retire API version ${version} (${end ?? 'no date is given'}); loads that use it will then fail. ` +
    'Set SF_API_VERSION, or apiVersion in the connections file, to a newer version, or remove it.'
  );
}

function capitalized(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1).toLowerCase();
}

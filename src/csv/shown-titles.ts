/**
 * Decides which header titles may be shown outside of the file. The first line of a file without a header is a data
 * row, and its values must not get into a history or onto a terminal: anything that does not look like a name is shown
 * by its position.
 */

/** Characters that people and programs use in headers. */
const NAME = /^[\p{L}\p{M}\p{N} _.:\-()/%&#]{1,80}$/u;
/** A name has a letter; numbers with this many digits are keys, phone numbers and codes. */
const LETTER = /\p{L}/u;
const LONG_NUMBER = /\d{5}/;
const DATE_OR_TIME = /\d{1,4}[-./:]\d{1,2}(?:[-./:]\d|\b)/;
const RECORD_ID = /^(?=.*\d)(?:[A-Za-z0-9]{15}|[A-Za-z0-9]{18})$/;
const LONG_RUN = /[^_.]{20}/;
const ADDRESS = /:\/\/|\bwww\./i;
const WORD_OF_DATA = /^(?:true|false|yes|no|null|none|n\/a|#n\/a)$/i;

/** Whether the title looks like a column name; a person's name does too. */
export function looksLikeName(title: string): boolean {
  // Invisible characters make a name unknown, so the column is shown by its number.
  const text = title.replace(/[\p{Zs}\p{Cf}]/gu, ' ').trim();
  return (
    NAME.test(text) &&
    LETTER.test(text) &&
    ![LONG_NUMBER, DATE_OR_TIME, RECORD_ID, ADDRESS, WORD_OF_DATA].some((value) => value.test(text)) &&
    !text.split(/\s/).some(isOpaque)
  );
}

/** A long run of letters and digits: a key or a token. */
function isOpaque(word: string): boolean {
  const at = word.search(LONG_RUN);
  const rest = at === -1 ? '' : word.slice(at);
  return /\d/.test(rest) && /\p{L}/u.test(rest);
}

/** Names that can be recognized without asking an org, and that no row value has. */
const CUSTOM = /__(?:c|r|pc|x|e|mdt)\b/i;
const USUAL = new Set(
  [
    ...['Id', 'Name', 'FirstName', 'LastName', 'Email', 'Phone', 'OwnerId', 'AccountId', 'ContactId', 'LeadId'],
    ...['ParentId', 'RecordTypeId', 'CreatedDate', 'LastModifiedDate', 'Description', 'StageName', 'CloseDate'],
    ...['Amount', 'Subject', 'Status', 'Type', 'Company', 'sf__Id', 'sf__Created', 'sf__Error'],
  ].map((name) => name.toLowerCase()),
);

export function isUsualTitle(title: string): boolean {
  const name = title.trim().toLowerCase();
  return USUAL.has(name) || CUSTOM.test(name);
}

/** How to show the columns of a header. */
export interface Titles {
  /** Whether the title may be shown as it is. */
  shows(title: string): boolean;
  /** A title is known, so the first line is a header, not a row. */
  readonly isHeader: boolean;
}

/** @param isKnown a field of the object, or a name from the caller */
export function titlesOf(header: readonly string[], isKnown: (title: string) => boolean = () => false): Titles {
  const known = new Set(header.filter((title) => isUsualTitle(title) || isKnown(title)));
  return {
    isHeader: known.size > 0,
    shows: (title) => title.trim() === '' || known.has(title) || (known.size > 0 && looksLikeName(title)),
  };
}

const MAX_LISTED = 20;

/** `Id, Name and column 3`: for a message that lists a header. */
export function listedTitles(header: readonly string[], titles: Titles): string {
  const shown = header
    .slice(0, MAX_LISTED)
    .map((title, index) => (titles.shows(title) ? title : `column ${index + 1}`));
  const more = header.length - shown.length;
  return `${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/** A header for a result file, so that the file need not be opened. The header may be a data row. */
export function headerDetail(header: readonly string[]): string {
  return `The first line of the file: ${header.join(', ')}`.slice(0, 1_000);
}

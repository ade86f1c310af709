/**
 * Compares keys as the platform does, because result files show re-rendered values: ids in 15 or 18 characters, numbers
 * in any notation, text in any case.
 */

/** What describe reports about the field of a key column, as needed for comparing. */
export interface KeyField {
  /** As in describe: `id`, `reference`, `string`, `double`, … */
  type: string;
  caseSensitive: boolean;
}

const NUMBERS = new Set(['double', 'int', 'long', 'currency', 'percent']);

/**
 * Returns the function that normalizes cells of a key column; two cells with the same normal form are the same key.
 * Blank cells and `#N/A` are not keys. Text is not trimmed, because the platform does not trim it either; ids and
 * numbers are, because blanks cannot be part of them.
 * @param field undefined when describe does not report it: then text counts as it is
 */
export function keyNormalizer(field: KeyField | undefined): (cell: string) => string | undefined {
  const form = FORMS[keyForm(field)];
  return (cell) => (cell.trim() === '' || cell === '#N/A' ? undefined : form(cell));
}

/** Which of the rules above applies. */
export type KeyForm = 'asIs' | 'lowerCase' | 'id' | 'number';

export function keyForm(field: KeyField | undefined): KeyForm {
  if (field === undefined) return 'asIs';
  if (field.type === 'id' || field.type === 'reference') return 'id';
  if (NUMBERS.has(field.type)) return 'number';
  return field.caseSensitive ? 'asIs' : 'lowerCase';
}

const FORMS: Record<KeyForm, (cell: string) => string> = {
  asIs: (cell) => cell,
  lowerCase: (cell) => cell.toLowerCase(),
  // The last three of 18 characters only encode which letters are capitals.
  id: (cell) => cell.trim().slice(0, 15),
  number: decimalForm,
};

/** A Salesforce id, with or without the three characters that encode its letter case. */
export const SALESFORCE_ID = /^[A-Za-z0-9]{15}(?:[A-Z0-5]{3})?$/;

/** The platform accepts no numbers with longer runs of digits; the bound keeps matching linear. */
const DECIMAL = /^([+-]?)(\d{0,400})(?:\.(\d{0,400}))?(?:[eE]([+-]?\d{1,9}))?$/;

/** Sign, digits without leading and trailing zeros, and the power of ten: exact for a number of any length. */
export function decimalForm(cell: string): string {
  const text = cell.trim();
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = DECIMAL.exec(text) ?? [];
  if (whole + fraction === '') return text;
  const digits = (whole + fraction).replace(/^0+/, '');
  if (digits === '') return '0';
  let end = digits.length;
  while (digits[end - 1] === '0') end--;
  const significant = digits.slice(0, end);
  const power = Number(exponent) - fraction.length + (digits.length - significant.length);
  return `${sign === '-' ? '-' : ''}${significant}e${power}`;
}

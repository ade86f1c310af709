/**
 * Compares keys as the platform means them, because result files show values re-rendered: ids in 15 or 18 characters,
 * numbers in any notation, text in any case.
 */

export interface KeyField {
  /** As describe names it: `id`, `reference`, `string`, `double`, … */
  type: string;
  caseSensitive: boolean;
}

const NUMBERS = new Set(['double', 'int', 'integer', 'long', 'currency', 'percent']);

/**
 * Gives the function that brings cells of a key column into one form; two cells with the same form are the same key.
 * Blank cells and `#N/A` are no key. Text is not trimmed, because the platform does not trim it either.
 * @param field undefined when describe does not tell: then text counts as it is
 */
export function keyNormaliser(field: KeyField | undefined): (cell: string) => string | undefined {
  const form = formOf(field);
  return (cell) => (cell.trim() === '' || cell === '#N/A' ? undefined : form(cell));
}

function formOf(field: KeyField | undefined): (cell: string) => string {
  if (field === undefined) return (cell) => cell;
  if (field.type === 'id' || field.type === 'reference') return (cell) => cell.trim().slice(0, 15);
  if (NUMBERS.has(field.type)) return decimalForm;
  return field.caseSensitive ? (cell) => cell : (cell) => cell.toLowerCase();
}

/** Sign, digits without zeros at either end, and the power of ten: exact, however long the number is. */
function decimalForm(cell: string): string {
  const match = /^([+-]?)(\d*)\.?(\d*)(?:[eE]([+-]?\d{1,9}))?$/.exec(cell.trim());
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = match ?? [];
  if (match === null || whole + fraction === '') return cell.trim();
  const digits = (whole + fraction).replace(/^0+/, '');
  if (digits === '') return '0';
  const significant = digits.replace(/0+$/, '');
  const power = Number(exponent) - fraction.length + (digits.length - significant.length);
  return `${sign === '-' ? '-' : ''}${significant}e${power}`;
}

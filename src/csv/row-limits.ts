/** Errors for rows that never end, or that are larger than the platform accepts. */
import { NightloadError } from '../errors.js';

export function unclosedQuote(where: string): never {
  throw unclosedQuoteError(where);
}

/** The platform accepts no larger row; a larger one is an unclosed quote, or the file is not CSV. */
export const MAX_ROW_BYTES = 16_000_000;

/** @param where `Data row 3` */
export function rowTooLarge(where: string): NightloadError {
  return new NightloadError(
    'CSV_ROW_TOO_LARGE',
    `${where} has more than ${MAX_ROW_BYTES / 1e6} MB. One of its quotes is probably never closed: close it, or double a quote that belongs to the value.`,
  );
}

export function unclosedQuoteError(where: string): NightloadError {
  return new NightloadError(
    'CSV_UNCLOSED_QUOTE',
    `${where} opens a quoted cell that is never closed. Close the quote, or double a quote that belongs to the value.`,
  );
}

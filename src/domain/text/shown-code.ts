/** Codes from outside: only those that look like a code go into messages and histories. */

const CODE = /^[A-Z][A-Z0-9_]{1,79}$/;
/** Codes are words: more digits mean data, or an encoded secret. */
const MAX_DIGITS = 2;

/** The code of a failure that anyone may have written, if it has the form of one of ours. */
export function codeOr(code: unknown, otherwise: string): string {
  return typeof code === 'string' && CODE.test(code) ? code : otherwise;
}

/** The code in capitals, otherwise undefined: the server may put anything in its place. */
export function shownCode(code: string | undefined, secrets: readonly string[] = []): string | undefined {
  const shown = code?.toUpperCase();
  if (shown === undefined || !CODE.test(shown) || shown.replace(/\D/g, '').length > MAX_DIGITS) return undefined;
  return secrets.some((secret) => secret.length >= 8 && shown.includes(secret.toUpperCase())) ? undefined : shown;
}

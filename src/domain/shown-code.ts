/** Codes of others, of which only those that have the form of a code go into messages and histories. */

const CODE = /^[A-Z][A-Z0-9_]{1,79}$/;
/** Codes are words: what has more digits is data, or a secret that somebody encoded. */
const MAX_DIGITS = 2;

/** The code in capitals, else undefined: whatever answers may put anything in its place. */
export function shownCode(code: string | undefined, secrets: readonly string[] = []): string | undefined {
  const shown = code?.toUpperCase();
  if (shown === undefined || !CODE.test(shown) || shown.replace(/\D/g, '').length > MAX_DIGITS) return undefined;
  return secrets.some((secret) => secret.length >= 8 && shown.includes(secret.toUpperCase())) ? undefined : shown;
}

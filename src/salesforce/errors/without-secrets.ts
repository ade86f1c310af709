/** Removes secrets from texts of servers, which repeat requests in any encoding. */

/** Format of a Salesforce session id: organization id, `!`, the rest. */
export const SESSION_ID = /00D[A-Za-z0-9]{12,15}(?:!|%21)[\w.\-/+=%]+/g;

const MARK = '[secret]';

/** Bytes of a text, and where in the text each of them begins. */
interface Decoded {
  bytes: Buffer;
  places: number[];
}

/**
 * A text in UTF-8 without the encodings in which servers repeat requests: percent-encoding, wholly or in part, and the
 * escapes of JSON. A form's `+` means a blank, so both become one; backslashes are left out. In one pass: a pattern
 * made from a secret of some kilobytes would take seconds.
 */
function decoded(text: string, { percent }: { percent: boolean }): Decoded {
  const bytes: number[] = [];
  const places: number[] = [];
  for (let at = 0; at < text.length;) {
    const hex = percent ? /^%[0-9a-f]{2}/i.exec(text.slice(at, at + 3)) : null;
    const character = String.fromCodePoint(text.codePointAt(at) ?? 0);
    const found = hex === null ? [...Buffer.from(character)] : [parseInt(hex[0].slice(1), 16)];
    for (const byte of found) {
      if (byte === BACKSLASH) continue;
      bytes.push(byte === PLUS ? BLANK : byte);
      places.push(at);
    }
    at += hex?.[0].length ?? character.length;
  }
  return { bytes: Buffer.from(bytes), places };
}

const [BACKSLASH, PLUS, BLANK] = [0x5c, 0x2b, 0x20];

/**
 * `text` without the given secrets and without anything that looks like a session id. Servers and proxies repeat
 * request headers and bodies in error pages.
 */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  let clean = text;
  for (const secret of secrets) {
    // A secret may itself contain what looks encoded.
    for (const percent of [false, true]) clean = without(clean, decoded(secret, { percent }).bytes);
  }
  return clean.replace(SESSION_ID, MARK);
}

function without(text: string, secret: Buffer): string {
  if (secret.length === 0) return text;
  const { bytes, places } = decoded(text, { percent: true });
  let clean = '';
  let kept = 0;
  for (let at = bytes.indexOf(secret); at >= 0; at = bytes.indexOf(secret, at + secret.length)) {
    clean += text.slice(kept, places[at]) + MARK;
    kept = places[at + secret.length] ?? text.length;
  }
  return clean + text.slice(kept);
}

/** Texts of others for people: one line, without control characters, cut. */

// Control characters, and those that turn the direction of a line.
// eslint-disable-next-line no-control-regex
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]+/g;

export function plainText(text: string, max = 400): string {
  const line = text.replace(UNSEEN, ' ').replace(/ {2,}/g, ' ').trim();
  return line.length > max ? `${line.slice(0, max - 1)}…` : line;
}

/** What an error says, and what caused it; causes that say the same are left out. */
export function withCauses(error: unknown, max = 600): string {
  const said: string[] = [];
  for (let found = error, depth = 0; found != null && depth < 8; depth++) {
    const text = plainText(found instanceof Error ? found.message : String(found), max);
    if (text !== '' && !said.some((before) => before.includes(text))) said.push(text);
    found = found instanceof Error ? found.cause : undefined;
  }
  return plainText(said.join(': '), max);
}

/** Characters that steer a terminal, or that nobody sees; tabs and ends of lines are none. */
const STEERING =
  // eslint-disable-next-line no-control-regex
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;

/** A text for a terminal: what would steer it is written out, as `<U+001B>`. */
export function printable(text: string): string {
  return text.replace(STEERING, (character) => {
    const number = character.codePointAt(0) as number;
    return `<U+${number.toString(16).toUpperCase().padStart(4, '0')}>`;
  });
}

/** The same JSON without characters that would steer a terminal. */
export function printableJson(json: string): string {
  const escaped = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return json.replace(STEERING, (character) => character.split('').map(escaped).join(''));
}

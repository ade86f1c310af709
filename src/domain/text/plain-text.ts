/** Untrusted texts for people: one line, without invisible characters, cut. */

/**
 * Runs of invisible characters: control characters including line ends, direction marks, and zero-width characters.
 * They would control a terminal or hide part of a text.
 */
export const UNSEEN =
  // eslint-disable-next-line no-control-regex
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]+/gu;

export function plainText(text: string, max = 400): string {
  const line = text.replace(UNSEEN, ' ').replace(/ {2,}/g, ' ').trim();
  return line.length > max ? `${line.slice(0, max - 1)}…` : line;
}

/** An error's message and those of its causes; repeated messages are left out. */
export function withCauses(error: unknown, max = 600): string {
  const said: string[] = [];
  for (let found = error, depth = 0; found != null && depth < 8; depth++) {
    const text = plainText(found instanceof Error ? found.message : String(found), max);
    if (text !== '' && !said.some((before) => before.includes(text))) said.push(text);
    found = found instanceof Error ? found.cause : undefined;
  }
  return plainText(said.join(': '), max);
}

/** A text for a terminal: control characters are written out, as `<U+001B>`. */
export function printable(text: string): string {
  return writtenOut(text, (character) => {
    const number = character.codePointAt(0) as number;
    return `<U+${number.toString(16).toUpperCase().padStart(4, '0')}>`;
  });
}

/** The same JSON without characters that would control a terminal. */
export function printableJson(json: string): string {
  const escaped = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return writtenOut(json, (character) => character.split('').map(escaped).join(''));
}

/** Tabs and line ends stay: a terminal shows them. */
function writtenOut(text: string, write: (character: string) => string): string {
  const one = (character: string): string => (character === '\t' || character === '\n' ? character : write(character));
  return text.replace(UNSEEN, (run) => Array.from(run, one).join(''));
}

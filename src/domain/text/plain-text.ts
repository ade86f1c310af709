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

/** A text for a terminal: control characters are written out, as `<U+001B>`. Tabs and line ends stay. */
export function printable(text: string): string {
  const one = (character: string): string => {
    if (character === '\t' || character === '\n') return character;
    const number = character.codePointAt(0) as number;
    return `<U+${number.toString(16).toUpperCase().padStart(4, '0')}>`;
  };
  return text.replace(UNSEEN, (run) => Array.from(run, one).join(''));
}

/**
 * Characters that nobody sees, or that look like a blank. A browser copies a no-break space as a blank, so a value with
 * one would no longer be the same.
 */
export const NOT_COPIED =
  /[\p{Zs}\p{Zl}\p{Zp}\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Variation_Selector}\u034f\u115f\u1160\u2800\u3164\uffa0]/gu;

/** The same JSON without characters that would control a terminal, or that are lost when a person copies it. */
export function printableJson(json: string): string {
  const escaped = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return json.replace(NOT_COPIED, (character) =>
    ' \t\n'.includes(character) ? character : character.split('').map(escaped).join(''),
  );
}

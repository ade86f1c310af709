/** Texts that the Temporal UI shows as Markdown: what others named must not become a link, HTML or a heading. Pure. */

/** Control characters, ends of lines among them, and those that turn the direction of a line. */
// eslint-disable-next-line no-control-regex
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2060-\u2069\ufeff]+/g;

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

/** A text on one line, as it is. Backticks stay: all that they can do is show text as code. */
export function plain(text: string): string {
  return text
    .replace(UNSEEN, ' ')
    .replace(/[&<>]/g, (sign) => ENTITIES[sign] as string)
    .replace(/[\\*[\]|~!]/g, String.raw`\$&`)
    .replace(/(?<![A-Za-z0-9_])_|_(?![A-Za-z0-9_])/g, String.raw`\_`);
}

/** A name of others as code, whatever backticks it has. */
export function code(text: string): string {
  const line = text.replace(UNSEEN, ' ');
  const longest = Math.max(0, ...(line.match(/`+/g) ?? []).map(({ length }) => length));
  const fence = '`'.repeat(longest + 1);
  return longest === 0 ? `${fence}${line}${fence}` : `${fence} ${line} ${fence}`;
}

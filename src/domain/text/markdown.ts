/** Texts that the Temporal UI shows as Markdown: untrusted text must not become a link, HTML or a heading. Pure. */
import type { LoadError } from '../../contract/load-result.js';
import { UNSEEN } from './plain-text.js';

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

/** A text on one line, unformatted. Backticks stay: they can only show text as code. */
export function plain(text: string): string {
  return text
    .replace(UNSEEN, ' ')
    .replace(/[&<>]/g, (sign) => ENTITIES[sign] as string)
    .replace(/[\\*[\]|~!]/g, String.raw`\$&`)
    .replace(/(?<![A-Za-z0-9_])_|_(?![A-Za-z0-9_])/g, String.raw`\_`);
}

/** An untrusted name as code, with any backticks. */
export function code(text: string): string {
  const line = text.replace(UNSEEN, ' ');
  const longest = Math.max(0, ...(line.match(/`+/g) ?? []).map(({ length }) => length));
  const fence = '`'.repeat(longest + 1);
  return longest === 0 ? `${fence}${line}${fence}` : `${fence} ${line} ${fence}`;
}

export function errorLine({ code: name, message }: LoadError): string {
  return `**${plain(name)}**: ${plain(message)}`;
}

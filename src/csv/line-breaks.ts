/** Line breaks: inside cells, and between records. */

/**
 * Makes all line breaks alike: LF, CRLF, and any number of carriage returns before an LF. A pattern such as `\r*\n`
 * takes quadratic time on a run of carriage returns that no LF ends.
 */
export function withLineBreaks(text: string, lineBreak: '\n' | '\r\n'): string {
  if (!text.includes('\n')) return text;
  if (lineBreak === '\n' && !text.includes('\r')) return text;
  const lines = text.split('\n');
  const last = lines.pop() ?? '';
  return `${lines.map(withoutReturns).join(lineBreak)}${lineBreak}${last}`;
}

function withoutReturns(line: string): string {
  let end = line.length;
  while (end > 0 && line[end - 1] === '\r') end--;
  return line.slice(0, end);
}

export type LineBreaks = 'LF' | 'CRLF' | 'mixed' | 'none';

/** @param seen of a scanner */
export function lineBreaks(seen: { lf: boolean; crlf: boolean }): LineBreaks {
  if (seen.lf && seen.crlf) return 'mixed';
  return seen.lf ? 'LF' : seen.crlf ? 'CRLF' : 'none';
}

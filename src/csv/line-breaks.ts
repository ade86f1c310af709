/** Line breaks inside of cells. */

/**
 * All of them written alike: LF, CRLF, and carriage returns in any number before an LF.
 * A pattern such as `\r*\n` takes as long as the square of a run of carriage returns that no LF ends.
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

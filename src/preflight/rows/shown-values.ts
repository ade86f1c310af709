/** How messages show values, and how the platform counts their characters. */

const MAX_SHOWN = 60;

/** Shortens text for a message: one line, at most 60 characters, no split character. */
export function shorten(text: string): string {
  const short = text.length <= MAX_SHOWN ? text : `${text.slice(0, MAX_SHOWN - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
  // eslint-disable-next-line no-control-regex
  return short.replace(/[\u0000-\u001f\u007f]/g, ' ');
}

/** Decodes only as much of a value as a message shows. */
export function shortValue(bytes: Buffer, from: number, to: number): string {
  return shorten(bytes.toString('utf8', from, Math.min(to, from + 4 * MAX_SHOWN)));
}

/** Characters as the platform counts them, like Java: those beyond U+FFFF count as two. */
export function textLength(bytes: Uint8Array, from: number, to: number): number {
  let length = 0;
  for (let at = from; at < to; at++) {
    const byte = bytes[at] as number;
    if ((byte & 0xc0) !== 0x80) length += byte >= 0xf0 ? 2 : 1;
  }
  return length;
}

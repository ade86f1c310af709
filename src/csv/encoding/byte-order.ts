/** Byte order marks, and detection of UTF-16 without one. */

const MARKS = [
  // Before UTF-16, whose mark is a prefix of this one.
  { encoding: 'utf-32le', bytes: Buffer.from([0xff, 0xfe, 0, 0]) },
  { encoding: 'utf-32be', bytes: Buffer.from([0, 0, 0xfe, 0xff]) },
  { encoding: 'utf-8', bytes: Buffer.from([0xef, 0xbb, 0xbf]) },
  { encoding: 'utf-16le', bytes: Buffer.from([0xff, 0xfe]) },
  { encoding: 'utf-16be', bytes: Buffer.from([0xfe, 0xff]) },
] as const;

/** The byte order mark at the beginning, if any. UTF-32 is detected only to be refused. */
export function byteOrderMark(
  head: Buffer,
): { encoding: (typeof MARKS)[number]['encoding']; length: number } | undefined {
  const mark = MARKS.find(({ bytes }) => head.subarray(0, bytes.length).equals(bytes));
  return mark && { encoding: mark.encoding, length: mark.bytes.length };
}

/**
 * UTF-16 without a mark is detected by the NUL bytes of its delimiters, digits and Latin letters, which are all on the
 * same side.
 */
export function utf16Order(head: Buffer): 'utf-16le' | 'utf-16be' | undefined {
  const pairs = Math.min(head.length, 4096) >> 1;
  let even = 0;
  let odd = 0;
  for (let n = 0; n < pairs; n++) {
    if (head[2 * n] === 0) even++;
    if (head[2 * n + 1] === 0) odd++;
  }
  const [most, least] = even > odd ? [even, odd] : [odd, even];
  // A single NUL is an error in some other text; UTF-16 also has one in its line endings.
  if (most < 2 || most * 10 < pairs || most < least * 4) return undefined;
  return even > odd ? 'utf-16be' : 'utf-16le';
}

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RecordCounter } from '../../../src/csv/record-counter.js';
import { Scanner } from '../../../src/csv/scanner.js';

const count = (chunks: Buffer[], delimiter = ','): { records: number; whole: boolean } => {
  const counter = new RecordCounter(delimiter);
  for (const chunk of chunks) counter.push(chunk);
  return counter.finish();
};
const scan = (bytes: Buffer, delimiter = ','): { records: number; whole: boolean } => {
  const scanner = new Scanner(delimiter, 0, () => undefined);
  scanner.push(bytes);
  const open = scanner.finish();
  return { records: scanner.records, whole: open === undefined };
};

describe('the record counter', () => {
  it('counts the same records as the scanner, wherever chunks end', () => {
    const odd = fc.constantFrom('"', '""', ',', '\n', '\r\n', '\r', 'a', '","', '"\n"', ' ', ';', 'x'.repeat(40));
    const texts = fc.array(odd, { maxLength: 60 }).map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(texts, fc.integer({ min: 1, max: 50 }), fc.constantFrom(',', ';'), (text, size, delimiter) => {
        const bytes = Buffer.from(text);
        const chunks: Buffer[] = [];
        for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size));
        expect(count(chunks, delimiter)).toEqual(scan(bytes, delimiter));
      }),
      { numRuns: 20_000 },
    );
  });

  it('detects a file that was truncated inside a cell', () => {
    expect(count([Buffer.from('"a","b"\n"c","d')])).toEqual({ records: 2, whole: false });
    expect(count([Buffer.from('"a","b"\n"c","d"')])).toEqual({ records: 2, whole: true });
    expect(count([])).toEqual({ records: 0, whole: true });
  });
});

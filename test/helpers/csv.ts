/** Generates CSV text and feeds it to readers. */
import fc from 'fast-check';

/** Splits bytes into chunks of the given sizes, repeatedly. */
export async function* inChunks(bytes: Buffer, sizes: readonly number[] = [bytes.length]): AsyncGenerator<Buffer> {
  let at = 0;
  for (let n = 0; at < bytes.length; n++) {
    const size = Math.max(1, sizes[n % sizes.length] ?? 1);
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

export const chunkSizes = fc.oneof(
  fc.constant([1]),
  fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 4 }),
  fc.constant([1 << 20]),
);

export const delimiters = fc.constantFrom(',', ';', '\t', '|', '^', '`');

interface WrittenCell {
  value: string;
  quoted: boolean;
}

/** CSV that is valid on the platform, made of the characters that matter to a parser. */
export const validCsv = delimiters.chain((delimiter) => {
  const value = fc.string({ unit: fc.constantFrom('"', delimiter, '\n', '\r\n', '\r', 'a', 'é', ' '), maxLength: 5 });
  const cell = fc.record({ value, quoted: fc.boolean() });
  const write = ({ value, quoted }: WrittenCell): string =>
    quoted || /["\r\n]/.test(value) || value.includes(delimiter) ? `"${value.replaceAll('"', '""')}"` : value;
  const line = fc
    .tuple(fc.array(cell, { minLength: 1, maxLength: 4 }), fc.constantFrom('\n', '\r\n'), fc.nat({ max: 9 }))
    .map(([cells, end, blank]) => {
      const lone = cells.length === 1 && cells[0]?.value === '';
      const text = lone ? '""' : cells.map(write).join(delimiter);
      // An occasional blank line, which is not a record.
      return {
        cells: cells.map((c) => c.value),
        text,
        end: blank === 0 ? end + '\n' : blank === 1 ? end + '\r\n' : end,
      };
    });
  return fc
    .record({ lines: fc.array(line, { maxLength: 8 }), lastEnds: fc.boolean(), leadingBlank: fc.boolean() })
    .map(({ lines, lastEnds, leadingBlank }) => {
      const body = lines.map(({ text, end }, n) => text + (n === lines.length - 1 && !lastEnds ? '' : end)).join('');
      return {
        delimiter,
        records: lines.map(({ cells }) => cells),
        text: (leadingBlank ? '\n' : '') + body,
      };
    });
});

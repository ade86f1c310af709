/**
 * Rewrites a CSV whose bytes cannot be sent as they are: mixed line endings, dropped columns, constants, empty cells as
 * #N/A. The output is always UTF-8, LF and comma.
 */
import { Readable, Transform } from 'node:stream';
import { CsvError, parse } from 'csv-parse';
import { stringify } from 'csv-stringify';
import { NightloadError } from '../errors.js';
import { inSlices } from '../runtime/time-slice.js';
import { isBlankRow } from './blank-rows.js';
import type { BlankRows } from './blank-rows.js';
import { MAX_CELLS, tooManyCells } from './cells.js';
import type { Column } from './columns.js';
import { notUtf8At } from './encoding/encoding-errors.js';
import { Utf8Finder } from './encoding/utf8-validator.js';
import { withLineBreaks } from './line-breaks.js';
import { LoneCrFinder } from './lone-cr.js';
import { MAX_ROW_BYTES, rowTooLarge, unclosedQuoteError } from './row-limits.js';

export interface RewriteOptions {
  delimiter: string;
  /** Cells of the source's header line. */
  width: number;
  /** Offset of the first data byte in the file, for errors. @default 0 */
  dataStart?: number;
  columns: readonly Column[];
  /** Field API name to the value for every row; it replaces a column with that name. */
  constants?: Record<string, string>;
  blankAsNull?: boolean;
  /**
   * Rows with more or fewer cells than the header are passed on as they are, with a number of cells that no output row
   * has, so that the row checks reject them. @default false: refused
   */
  keepRagged?: boolean;
  /** Key columns: blank cells stay blank there even with `blankAsNull`. */
  keys?: readonly string[];
  /** Columns without a name, which must be blank in every row. */
  nameless?: readonly number[];
  /** Counts rows without any value, which are left out. */
  blankRows?: BlankRows;
}

/** Source columns that no constant replaces; field names match in any letter case. */
function fromSource({ columns, constants = {} }: Pick<RewriteOptions, 'columns' | 'constants'>): Column[] {
  const replaced = new Set(Object.keys(constants).map((name) => name.toLowerCase()));
  return columns.filter(({ name }) => !replaced.has(name.toLowerCase()));
}

/** Names of the columns that {@link rewriteCsv} writes. */
export function rewrittenNames(options: Pick<RewriteOptions, 'columns' | 'constants'>): string[] {
  return [...fromSource(options).map(({ name }) => name), ...Object.keys(options.constants ?? {})];
}

/** Converts line breaks to those of the output. */
function withLineFeeds(text: string): string {
  return withLineBreaks(text, '\n');
}

/**
 * @param data the source from its first data byte, without its header line
 * @returns data rows only, without a header line
 * @throws (as a stream error) NightloadError `HEADER_EMPTY_NAME`, `CSV_RAGGED_ROW`, `CSV_UNCLOSED_QUOTE`,
 *   `CSV_ROW_TOO_LARGE`, `CSV_INVALID`, `CSV_NOT_UTF8`, `CSV_LINE_ENDING`
 */
export function rewriteCsv(data: Readable, options: RewriteOptions): Readable {
  const keys = new Set((options.keys ?? []).map((name) => name.toLowerCase()));
  const columns = fromSource(options).map(({ index, name }) => ({ index, isKey: keys.has(name.toLowerCase()) }));
  const added = Object.values(options.constants ?? {}).map(withLineFeeds);
  const { nameless = [], blankRows = { rows: 0, after: 0 } } = options;
  let row = 0;
  const reshape = new Transform({
    objectMode: true,
    transform(record: string[], _encoding, done) {
      if (isBlankRow(record)) {
        if (blankRows.rows++ === 0) blankRows.after = row;
        done();
        return;
      }
      row++;
      if (record.length > MAX_CELLS) return done(tooManyCells());
      if (record.length !== options.width && options.keepRagged === true) {
        if (record.length === columns.length + added.length) record.push('');
        done(null, record.map(withLineFeeds));
        return;
      }
      if (record.length !== options.width) {
        done(
          new NightloadError(
            'CSV_RAGGED_ROW',
            `Data row ${row} has ${record.length} cells, the header has ${options.width}. Check for a missing or stray quote or delimiter.`,
          ),
        );
        return;
      }
      const named = nameless.find((index) => record[index] !== '');
      if (named !== undefined) {
        done(namelessValue(named, row));
        return;
      }
      const cells = columns.map(({ index, isKey }) => {
        const cell = withLineFeeds(record[index] ?? '');
        return cell === '' && options.blankAsNull === true && !isKey ? '#N/A' : cell;
      });
      cells.push(...added);
      done(null, cells);
    },
  });
  const parser = parse({
    delimiter: options.delimiter,
    skip_empty_lines: true,
    relax_column_count: true,
    record_delimiter: ['\r\n', '\n'],
    // A quote that is never closed would take in the rest of the file, and exhaust the process's memory.
    max_record_size: MAX_ROW_BYTES,
  });
  const writer = stringify({
    record_delimiter: '\n',
    // A single empty cell would be a blank line, which is not a record: write an empty quoted cell.
    quoted_empty: columns.length + added.length === 1,
    // A CR at the end of the last cell would turn the line ending into CRLF.
    quoted_match: /\r/,
  });
  const text = refuseBadText(options);
  // It may fail before anything reads it; the reader gets the error then.
  data.on('error', () => undefined);
  const slices = Readable.from(inSlices(data), { objectMode: false });
  slices.on('error', (error) => parser.destroy(error));
  text.on('error', (error) => parser.destroy(error));
  parser.on('error', (error) => reshape.destroy(readable(error)));
  reshape.on('error', (error) => writer.destroy(error));
  writer.on('close', () => {
    for (const stage of [data, slices, text, parser, reshape]) stage.destroy();
  });
  slices.pipe(text).pipe(parser).pipe(reshape).pipe(writer);
  return writer;
}

function namelessValue(index: number, row: number): NightloadError {
  return new NightloadError(
    'HEADER_EMPTY_NAME',
    `Column ${index + 1} of the header has no name, but data row ${row} has a value in it. Name the column, or leave it ` +
      "out with --map '='.",
  );
}

const CARRIAGE_RETURN = Buffer.from('\r');

/** The parser would insert replacement characters for invalid bytes. */
function refuseBadText({ delimiter, width, dataStart = 0 }: RewriteOptions): Transform {
  const text = new Utf8Finder(dataStart);
  const lineEnds = new LoneCrFinder(delimiter, width, dataStart);
  let held = false;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const bad = text.push(chunk);
      if (bad !== undefined) return done(notUtf8At(bad, undefined, chunk, text.sawText));
      const lone = lineEnds.push(chunk);
      if (lone !== undefined) return done(lone);
      // The last byte of the file may be half of a line ending, which is not part of the last cell.
      const whole = held ? Buffer.concat([CARRIAGE_RETURN, chunk]) : chunk;
      held = whole.at(-1) === 0x0d;
      done(null, held ? whole.subarray(0, -1) : whole);
    },
    flush(done) {
      const cut = text.finish();
      done(cut === undefined ? null : notUtf8At(cut, undefined, Buffer.alloc(0), text.sawText));
    },
  });
}

function readable(error: Error): Error {
  if (!(error instanceof CsvError)) return error;
  const row = Number(error.records ?? 0);
  if (error.code === 'CSV_QUOTE_NOT_CLOSED') return unclosedQuoteError(`Data row ${row + 1}`);
  if (error.code === 'CSV_MAX_RECORD_SIZE') return rowTooLarge(`Data row ${row + 1}`);
  // The parser's message contains cells, which must not get into a history.
  return new NightloadError(
    'CSV_INVALID',
    `The CSV cannot be read near data row ${row + 1} (line ${Number(error.lines) + 1}, ${error.code}). ` +
      'Check for a quote inside a value that is not doubled, or for text after a closing quote.',
  );
}

/**
 * Opens a source of many files: writes them one after the other into one copy, without the headers of the later ones, and
 * counts the rows of each.
 */
import { randomUUID } from 'node:crypto';
import { detectDialect, HEAD_BYTES } from '../../csv/dialect.js';
import type { Dialect } from '../../csv/dialect.js';
import { planParts } from '../../csv/plan-parts.js';
import { shownPath } from '../../domain/text/shown.js';
import { NightloadError } from '../../errors.js';
import { holding } from '../../storage/files/file-ref.js';
import type { FileRef, ForeignFile } from '../../storage/files/file-ref.js';
import { makeFolder, removeFile } from '../../storage/files/file-tree.js';
import { withinFreeSpace } from '../../storage/files/free-space.js';
import { join, uriOf } from '../../storage/locations.js';
import { readHead, readRange } from '../../storage/read-files.js';
import { newFile } from '../../storage/write-files.js';
import type { Writing } from '../../storage/write-files.js';
import type { ActivityRun } from '../run-activity.js';
import { openSource } from './open-source.js';
import type { OpenSource, SourceOptions } from './open-source.js';
import type { SourceFiles } from '../../storage/source-files.js';

/** A source of one file is opened as it is. @throws NightloadError those of `openSource`, `SOURCE_FILES_DIFFER` */
export async function openFiles(
  source: SourceFiles,
  work: string,
  said: SourceOptions,
  step: ActivityRun,
): Promise<OpenSource> {
  const [first] = source.files as [ForeignFile];
  if (!source.isMany) return openSource(first, work, said, step);
  await makeFolder(work);
  const path = join(work, `joined-${randomUUID().slice(0, 8)}.csv`);
  const joining = new Joining(await newFile(path), work, said, step);
  try {
    for (const file of source.files) await named(file, () => holding(file, (held) => joining.add(held)));
    await joining.file.publish();
  } catch (error) {
    await joining.file.discard();
    throw error;
  }
  const { found, rows } = joining;
  return { path, dialect: await detectDialect(await readHead(path, HEAD_BYTES), said), found: found(), rows };
}

class Joining {
  readonly file: Writing;
  readonly rows: NonNullable<OpenSource['rows']> = [];
  readonly #work: string;
  readonly #said: SourceOptions;
  readonly #step: ActivityRun;
  #first: OpenSource | undefined;
  #bytes = 0;
  #gzip = false;

  constructor(file: Writing, work: string, said: SourceOptions, step: ActivityRun) {
    this.file = file;
    this.#work = work;
    this.#said = said;
    this.#step = step;
  }

  found = (): OpenSource['found'] => ({ ...(this.#first as OpenSource).found, gzip: this.#gzip });

  async add(file: ForeignFile): Promise<void> {
    const opened = await openSource(file, this.#work, this.#said, this.#step);
    try {
      if (this.#first === undefined) await this.#write(readRange(opened.path, 0, opened.dialect.dataStart), opened);
      else refuseOther(opened.dialect, this.#first.dialect);
      this.#first ??= opened;
      this.#gzip ||= opened.found.gzip;
      this.rows.push({ uri: uriOf(file.path), rows: await this.#addRows(opened.path, opened) });
    } finally {
      if (typeof opened.path === 'string') await removeFile(opened.path);
    }
  }

  /** A quote that is open at the end would swallow the next file, so each is scanned for itself. */
  async #addRows(path: FileRef, opened: OpenSource): Promise<number> {
    const { delimiter, dataStart, header } = opened.dialect;
    const { checkRows = false, skipBadRows = false } = this.#said;
    const chunks = readRange(path, dataStart, undefined, this.#step.signal) as AsyncIterable<Buffer>;
    const { records } = await planParts(this.#copied(withinFreeSpace(chunks, this.#work), opened), {
      delimiter,
      base: dataStart,
      maxBytes: Number.MAX_SAFE_INTEGER,
      width: checkRows || skipBadRows ? 0 : header.length,
      leaveOutBlank: true,
    });
    return records;
  }

  async #write(chunks: AsyncIterable<Buffer>, opened: OpenSource): Promise<void> {
    for await (const _chunk of this.#copied(chunks, opened));
  }

  /** Also writes what it passes on, and ends the last line. */
  async *#copied(chunks: AsyncIterable<Buffer>, { dialect }: OpenSource): AsyncGenerator<Buffer> {
    let last: number | undefined;
    for await (const chunk of chunks) {
      this.#step.signal.throwIfAborted();
      await this.file.write(chunk);
      this.#step.bytes = this.#bytes += chunk.length;
      last = chunk[chunk.length - 1] ?? last;
      yield chunk;
    }
    if (last !== undefined && last !== 0x0a) await this.file.write(dialect.lineEnding === 'CRLF' ? '\r\n' : '\n');
  }
}

/** Titles may contain data, so the message has the column's number. */
function refuseOther(one: Dialect, first: Dialect): void {
  const column = Math.max(one.header.length, first.header.length);
  const differs = Array.from({ length: column }, (_, n) => n).find((n) => one.header[n] !== first.header[n]);
  const why =
    one.delimiter !== first.delimiter
      ? 'has a different delimiter than the first file'
      : differs === undefined
        ? undefined
        : `has a different header than the first file, from column ${differs + 1} on`;
  if (why === undefined) return;
  throw new NightloadError(
    'SOURCE_FILES_DIFFER',
    `it ${why}. All files of a source need the same columns in the same order: load other files separately.`,
  );
}

/** Errors name the file among the others. */
async function named<T>(file: ForeignFile, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    if (!(error instanceof NightloadError)) throw error;
    const { code, message, retryable, detail } = error;
    throw new NightloadError(code, `${shownPath(uriOf(file.path))}: ${message}`, { retryable, cause: error, detail });
  }
}

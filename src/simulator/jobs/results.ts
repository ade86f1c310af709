/** The three result files of a job. */
import { createReadStream } from 'node:fs';
import { notFound, Refusal } from '../http/http.js';
import type { Reply } from '../http/http.js';
import type { Job } from './job.js';
import type { Quirks } from '../quirks.js';
import { csvLine } from './result-file.js';

const OWN_COLUMNS: Record<string, string[]> = {
  successfulresults: ['sf__Id', 'sf__Created'],
  failedresults: ['sf__Id', 'sf__Error'],
  unprocessedrecords: [],
};

/** @param name in any letter case */
export async function resultsReply(job: Job, name: string, { emptyResults }: Quirks): Promise<Reply> {
  const kind = name.toLowerCase();
  const own = Object.hasOwn(OWN_COLUMNS, kind) ? OWN_COLUMNS[kind] : undefined;
  if (own === undefined) throw notFound();
  if (!job.isTerminal) {
    throw new Refusal(
      400,
      'INVALIDJOBSTATE',
      `Results are there once the job has ended. Current job state is '${job.state}'`,
    );
  }
  const headers = { 'content-type': 'text/csv; charset=UTF-8' };
  const rest = own.length === 0 ? await unprocessed(job) : undefined;
  const file = kind === 'successfulresults' ? job.succeeded : job.rejected;
  const isEmpty = own.length === 0 ? rest === undefined : file.isEmpty;
  if (isEmpty && emptyResults === 'noContent') return { status: 204 };
  if (isEmpty && emptyResults === 'empty') return { status: 200, headers };
  async function* body(): AsyncGenerator<Buffer> {
    yield Buffer.from(headerLine(job, own ?? []));
    if (own?.length !== 0) yield* file.read();
    else if (rest !== undefined) yield* rest();
  }
  return { status: 200, headers, body: body() };
}

/** The header as sent, after the platform's own columns. */
function headerLine(job: Job, own: readonly string[]): string {
  const { delimiter, end } = job.dialect;
  const { raw, names } = job.header;
  // Nothing was uploaded.
  if (raw === '') return own.length === 0 ? '' : csvLine(own, { delimiter, quotes: 'always', end });
  const always = { delimiter, quotes: 'always' } as const;
  // Unprocessed rows are returned as sent; the others use the dialect of result files.
  const sent = own.length === 0 || delimiter === job.delimiter ? raw : csvLine(names, { ...always, end: '' });
  return `${own.length === 0 ? '' : csvLine([...own, ''], { ...always, end: '' }).slice(0, -2)}${sent}${end}`;
}

/** Unprocessed rows, without the cells that result files hide. */
async function* hidden(job: Job, parts: readonly { start: number; end: number }[]): AsyncGenerator<Buffer> {
  const { starts } = job.index;
  for (const part of parts) {
    // In pieces of one transaction.
    const cuts = starts.filter((at) => at > part.start && at < part.end);
    for (const [i, start] of [part.start, ...cuts].entries()) {
      for (const { cells } of await job.read({ start, end: cuts[i] ?? part.end })) {
        yield Buffer.from(csvLine(job.withoutHidden(cells), job.dialect));
      }
    }
  }
}

async function* raw(job: Job, parts: readonly { start: number; end: number }[]): AsyncGenerator<Buffer> {
  for (const { start, end } of parts) {
    yield* createReadStream(job.path, { start, end: end - 1, highWaterMark: 1 << 18 }) as AsyncIterable<Buffer>;
  }
}

async function unprocessed(job: Job): Promise<(() => AsyncIterable<Buffer>) | undefined> {
  const parts = await job.unprocessed();
  if (parts.length === 0) return undefined;
  return () => (job.hidesColumns ? hidden : raw)(job, parts);
}

/** The three result files of a job. */
import { createReadStream } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { notFound, Refusal } from './http.js';
import type { Job } from './job.js';
import { sizeOf } from './upload.js';

const SLICE = 2_000;

export async function sendResults(job: Job, name: string, response: ServerResponse): Promise<void> {
  if (!job.isTerminal) {
    throw new Refusal(
      400,
      'INVALIDJOBSTATE',
      `Results are there once the job has ended. Current job state is '${job.state}'`,
    );
  }
  const own = {
    successfulresults: '"sf__Id","sf__Created",',
    failedresults: '"sf__Id","sf__Error",',
    unprocessedrecords: '',
  };
  const kind = name.toLowerCase();
  if (!(kind in own)) throw notFound();
  response.writeHead(200, { 'content-type': 'text/csv; charset=UTF-8' });
  const header = `${own[kind as keyof typeof own]}${job.header}\n`;
  if (kind === 'unprocessedrecords') {
    const complete = job.state === 'JobComplete' || job.uploads === 0;
    const from = complete ? Infinity : job.unprocessedFrom;
    const rest =
      !complete && from < (await sizeOf(job.path)) ? createReadStream(job.path, { start: from }) : Readable.from([]);
    response.write(header);
    await pipeline(rest, response);
    return;
  }
  const rows = kind === 'successfulresults' ? job.successRows : job.failedRows;
  async function* pieces(): AsyncGenerator<string> {
    yield header;
    for (let i = 0; i < rows.length; i += SLICE) {
      yield rows.slice(i, i + SLICE).join('');
      await new Promise((done) => setImmediate(done));
    }
  }
  await pipeline(pieces(), response);
}

// One load with jsforce in a separate process: request as JSON on stdin, result on stdout.
import { createReadStream, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { performance } from 'node:perf_hooks';
import { peakMemory } from '../processes.mjs';

const { place, url, token, parts, pollMs, parallel, raw } = JSON.parse(readFileSync(0, 'utf8'));
const { Connection } = createRequire(`${place}package.json`)('jsforce');
const connection = new Connection({ instanceUrl: url, accessToken: token, version: '62.0' });
connection.bulk2.pollInterval = pollMs;
connection.bulk2.pollTimeout = 3_600_000;

const began = performance.now();
const waiting = [...parts.entries()];
let rows = 0;
let moving = 0;

/** jsforce's own way: everything in memory, parsed. */
async function parsed(job) {
  const { successfulResults, failedResults, unprocessedRecords } = await job.getAllResults();
  return successfulResults.length + failedResults.length + unprocessedRecords.length;
}

/** Without its parser: results as text. Counted by line breaks, which works for these rows. */
async function unparsed(job) {
  let lines = 0;
  for (const kind of ['successfulResults', 'failedResults', 'unprocessedrecords']) {
    const path = `/services/data/v62.0/jobs/ingest/${job.id}/${kind}`;
    const text = await connection.request(path, { responseType: 'text/plain' });
    for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) lines++;
  }
  return lines - 3;
}

async function work() {
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    const [, path] = next;
    const job = connection.bulk2.createJob({
      object: 'Account',
      operation: 'upsert',
      externalIdFieldName: 'External_Id__c',
    });
    await job.open();
    let from = performance.now();
    await job.uploadData(createReadStream(path));
    moving += performance.now() - from;
    await job.close();
    await job.poll();
    from = performance.now();
    // On a separate line: `rows += await …` would read `rows` before the wait, and two jobs run in parallel.
    const found = await (raw ? unparsed(job) : parsed(job));
    rows += found;
    moving += performance.now() - from;
  }
}
await Promise.all(Array.from({ length: parallel }, work));
const seconds = (performance.now() - began) / 1000;
console.log(JSON.stringify({ seconds, rows, moving: moving / 1000, peakMB: await peakMemory(process.pid) }));

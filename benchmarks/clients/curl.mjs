// The same calls with curl, and `wc -l` for the count: the minimum for any client that keeps the results.
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from '../processes.mjs';
import { TOKEN } from '../stub/start.mjs';

export const name = 'curl';

export async function version() {
  const { out } = await run('curl', ['--version']);
  return out.split(' ')[1];
}

/** Two parts at a time, like nightload. */
export async function load({ url, parts, folder, pollMs, parallel }) {
  const began = performance.now();
  const waiting = [...parts.entries()];
  let moving = 0;
  let rows = 0;
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const done = await loadPart({ url, path: next[1], out: `${folder}curl-${next[0]}-`, pollMs });
      moving += done.moving;
      rows += done.rows;
    }
  };
  await Promise.all(Array.from({ length: parallel }, work));
  return { seconds: (performance.now() - began) / 1000, rows, moving };
}

async function loadPart({ url, path, out, pollMs }) {
  const jobs = `${url}/services/data/v62.0/jobs/ingest`;
  const curl = async (...args) => {
    const shared = ['-sS', '--fail-with-body', '-H', `Authorization: Bearer ${TOKEN}`, '-H', 'Expect:'];
    return (await run('curl', [...shared, ...args])).out;
  };
  const asJson = (value) => ['-H', 'Content-Type: application/json', '-d', JSON.stringify(value)];
  const job = { object: 'Account', operation: 'upsert', externalIdFieldName: 'External_Id__c', contentType: 'CSV' };
  const { id } = JSON.parse(await curl(...asJson(job), jobs));
  let began = performance.now();
  await curl('-T', path, '-H', 'Content-Type: text/csv', `${jobs}/${id}/batches`);
  let moving = performance.now() - began;
  await curl('-X', 'PATCH', ...asJson({ state: 'UploadComplete' }), `${jobs}/${id}`);
  do await sleep(pollMs);
  while (JSON.parse(await curl(`${jobs}/${id}`)).state !== 'JobComplete');
  began = performance.now();
  for (const kind of ['successfulResults', 'failedResults', 'unprocessedrecords']) {
    await curl('-o', `${out}${kind}.csv`, `${jobs}/${id}/${kind}`);
  }
  const { out: counted } = await run('wc', ['-l', `${out}successfulResults.csv`]);
  moving += performance.now() - began;
  return { rows: Number.parseInt(counted, 10) - 1, moving: moving / 1000 };
}

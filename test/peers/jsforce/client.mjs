import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { parse } from 'csv-parse/sync';
import { npmInstall } from '../install.mjs';
import { csvStream } from '../rows.mjs';

export const name = 'jsforce';

export const install = (place) => npmInstall(fileURLToPath(new URL('package.json', import.meta.url)), place, 'jsforce');

export function connect({ place, url, token }) {
  const { Connection } = createRequire(`${place}package.json`)('jsforce');
  const { bulk2 } = new Connection({ instanceUrl: url, accessToken: token, version: '62.0' });
  bulk2.pollInterval = 200;
  return {
    async load({ object, operation, rows, key }) {
      const job = bulk2.createJob({ object, operation, ...(key !== undefined && { externalIdFieldName: key }) });
      await job.open();
      // Updates are sent as records, which jsforce converts to CSV; others as a stream, which it passes on unchanged.
      await job.uploadData(operation === 'update' ? rows : csvStream(rows));
      await job.close();
      const error = await job.poll().then(
        () => undefined,
        ({ message }) => message,
      );
      const { numberRecordsProcessed: processed, numberRecordsFailed: failed } = job.getInfo();
      return { jobId: job.id, processed, failed, error };
    },
    async results(id) {
      const all = await bulk2.job('ingest', { id }).getAllResults();
      return {
        successful: all.successfulResults,
        failed: all.failedResults,
        unprocessed: asRows(all.unprocessedRecords),
      };
    },
    async more({ object, rows }, checks) {
      const job = bulk2.createJob({ object, operation: 'insert' });
      await job.open();
      await job.uploadData(csvStream(rows));
      await job.abort();
      const { state } = await job.check();
      const { unprocessed } = await this.results(job.id);
      checks.equal('abort: state, unprocessed rows', [state, unprocessed.length], ['Aborted', rows.length]);
      await job.delete();
      const { errorCode } = await job.check().catch((error) => error);
      checks.equal('delete of a job: it is gone', errorCode, 'NOT_FOUND');
      const stranger = new Connection({ instanceUrl: url, accessToken: `${token}?`, version: '62.0' });
      const refusal = await stranger.bulk2
        .createJob({ object, operation: 'insert' })
        .open()
        .catch((error) => error);
      checks.equal('wrong token', refusal.errorCode, 'INVALID_SESSION_ID');
    },
  };
}

/**
 * jsforce treats any of six characters as a delimiter. Unprocessed rows come back as sent, without quotes where a comma
 * file needs none: with a `|` in a cell, jsforce cannot parse them and returns the text.
 */
const asRows = (results) => (typeof results === 'string' ? parse(results, { columns: true }) : results);

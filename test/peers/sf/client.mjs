import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parse } from 'csv-parse/sync';
import { npmInstall, run } from '../install.mjs';
import { toCsv } from '../rows.mjs';

export const name = 'sf';

const MAIN = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));

export const install = (place) =>
  npmInstall(fileURLToPath(new URL('package.json', import.meta.url)), place, '@salesforce/cli');

const COMMANDS = { insert: 'import', upsert: 'upsert', update: 'update', delete: 'delete' };

export async function connect({ place, files, url, token }) {
  // A separate home: nothing is read from, or left in, the user's home.
  const home = `${place}home`;
  await mkdir(home, { recursive: true });
  const env = {
    PATH: process.env.PATH,
    HOME: home,
    SF_ORG_INSTANCE_URL: url,
    SF_DISABLE_TELEMETRY: 'true',
    SF_AUTOUPDATE_DISABLE: 'true',
    SF_SKIP_NEW_VERSION_CHECK: 'true',
    SF_USE_GENERIC_UNIX_KEYCHAIN: 'true',
    SF_DISABLE_LOG_FILE: 'true',
  };
  const sf = async (args, more = {}) => {
    const options = { cwd: files, env: { ...env, ...more } };
    const { out, err } = await run(`${place}node_modules/.bin/sf`, [...args, '--json'], options);
    try {
      return JSON.parse(out);
    } catch {
      throw new Error(`sf ${args.join(' ')}: ${out} ${err}`);
    }
  };
  const bulk = (command, object, file, org, ...more) =>
    sf(['data', command, 'bulk', '-s', object, '-f', file, '-o', org, ...more]);
  return {
    async load({ object, operation, rows, key }) {
      const file = `${files}${operation}.csv`;
      await writeFile(file, toCsv(rows));
      const more = key === undefined ? [] : ['--external-id', key];
      const reply = await bulk(COMMANDS[operation], object, file, token, '--wait', '2', ...more);
      return reply.status === 0 ? loaded(reply.result) : refused(reply);
    },
    async results(id) {
      const { result, message } = await sf(['data', 'bulk', 'results', '--job-id', id, '-o', token]);
      if (result === undefined) throw new Error(message);
      const read = async (path) =>
        path === undefined ? [] : parse(await readFile(`${files}${path}`, 'utf8'), { columns: true });
      return {
        successful: await read(result.successFilePath),
        failed: await read(result.failedFilePath),
        unprocessed: await read(result.unprocessedFilePath),
      };
    },
    /** The other way to work: log in once, start a load, query it later. */
    async more({ object, rows, key }, checks) {
      const as = ['--instance-url', url, '--no-prompt', '--alias', 'org'];
      const login = await sf(['org', 'login', 'access-token', ...as], { SF_ACCESS_TOKEN: token });
      checks.equal('login with a token', login.result?.username, 'integration@nightload.example');
      const taken = await run(process.execPath, [MAIN, 'connection', 'test', '--from-sf', 'org', '--json'], {
        env: { ...env, PATH: `${place}node_modules/.bin:${env.PATH}` },
      });
      const [tested] = JSON.parse(taken.out).connections;
      checks.equal(
        'nightload takes that login',
        [taken.code, tested.error ?? tested.user?.username],
        [0, 'integration@nightload.example'],
      );
      const file = `${files}later.csv`;
      await writeFile(file, toCsv(rows));
      const { result } = await bulk('upsert', object, file, 'org', '--external-id', key);
      const id = result?.jobInfo?.id;
      const later = await sf(['data', 'upsert', 'resume', '--job-id', String(id), '--wait', '2']);
      checks.equal('resume: the same job, with all of its rows', loaded(later.result ?? {}), {
        jobId: id,
        processed: rows.length,
        failed: 0,
      });
      checks.equal('resume: successful rows', later.result?.records?.successfulResults?.length, rows.length);
    },
  };
}

/** `import` and `update` return a different format than `upsert` and `delete`. */
function loaded({ jobId, processedRecords, failedRecords, jobInfo }) {
  if (jobInfo === undefined) return { jobId, processed: processedRecords, failed: failedRecords };
  return { jobId: jobInfo.id, processed: jobInfo.numberRecordsProcessed, failed: jobInfo.numberRecordsFailed };
}

/** Failed rows are an error here too; the id is in the error's data or in its suggested actions. */
function refused({ message, actions, data }) {
  const [jobId] = data?.jobId === undefined ? (/\b750\w{15}\b/.exec(actions?.join(' ')) ?? []) : [data.jobId];
  const failed = /failed to process (\d+) records/.exec(message)?.[1];
  return { jobId, error: message, ...(failed !== undefined && { failed: Number(failed) }) };
}

// The requests to each client, and the expected outcome: in its own output, in its result files and in the org.
import { accounts, asText, BAD_ROWS, KEY, OBJECT, sentPart } from './rows.mjs';

const text = (rows) => rows.map((row) => asText(sentPart(row)));

/** @param client `{ load({ object, operation, rows, key }), results(jobId), more?({ object, rows, key }, checks) }` */
export async function runScenario(client, org, checks) {
  const steps = new Steps(client, org, checks);
  const ids = await steps.insert(accounts(1, 300));
  await steps.upsert(ids);
  await steps.update(ids);
  await steps.delete([...ids.values()].slice(200, 220));
  await steps.badHeader();
  await steps.failsHalfway(accounts(501, 1000));
  // Features that only this client has.
  await client.more?.({ object: OBJECT, rows: accounts(401, 420), key: KEY }, checks);
}

class Steps {
  #client;
  #org;
  #checks;

  constructor(client, org, checks) {
    this.#client = client;
    this.#org = org;
    this.#checks = checks;
  }

  /** @returns the ids of the records by their external ids */
  async insert(rows) {
    const load = await this.#load('insert', rows);
    this.#counts(load, 'JobComplete', rows.length, 0);
    const { successful } = load.results;
    this.#checks.same('insert: successful rows are those sent', text(successful), text(rows));
    this.#checks.equal('insert: all are new', every(successful, 'sf__Created'), ['true']);
    const ids = new Map(successful.map((row) => [row[KEY], row.sf__Id]));
    this.#checks.equal('insert: an id for each', new Set(ids.values()).size, rows.length);
    const stored = await this.#stored();
    const inOrg = rows.map((row) => asText(stored.get(ids.get(row[KEY]))?.values ?? {}));
    this.#checks.same('insert: the org holds what was sent', inOrg, text(rows));
    return ids;
  }

  async upsert(ids) {
    const good = [...accounts(1, 50, { Name: 'Renamed' }), ...accounts(301, 400)];
    const rows = [...good, ...BAD_ROWS.map(([row]) => row)];
    const load = await this.#load('upsert', rows, KEY);
    this.#counts(load, 'JobComplete', rows.length, BAD_ROWS.length);
    const { successful, failed } = load.results;
    this.#checks.same('upsert: successful rows', text(successful), text(good));
    const created = successful.filter((row) => row.sf__Created === 'true').map((row) => row[KEY]);
    this.#checks.same(
      'upsert: which were new',
      created,
      accounts(301, 400).map((row) => row[KEY]),
    );
    const changed = successful.filter((row) => row.sf__Created === 'false').map((row) => `${row[KEY]} ${row.sf__Id}`);
    this.#checks.same(
      'upsert: the others keep their ids',
      changed,
      accounts(1, 50).map((row) => `${row[KEY]} ${ids.get(row[KEY])}`),
    );
    this.#checks.same('upsert: failed rows as they were sent', text(failed), text(BAD_ROWS.map(([row]) => row)));
    this.#checks.same(
      'upsert: why they failed',
      failed.map((row) => `${row[KEY]} ${row.sf__Error.split(':')[0]}`),
      BAD_ROWS.map(([row, code]) => `${row[KEY]} ${code}`),
    );
    const locked = BAD_ROWS.filter(([, code]) => code === 'UNABLE_TO_LOCK_ROW').map(([row]) => row);
    const again = await this.#load('upsert', locked, KEY, 'locked row again');
    this.#counts(again, 'JobComplete', 1, 0);
    const names = [...(await this.#stored()).values()].map(({ values }) => `${values[KEY]} ${values.Name}`);
    const untouched = accounts(51, 300);
    this.#checks.same(
      'upsert: the org has each account once',
      names,
      [...good, ...locked, ...untouched].map((row) => `${row[KEY]} ${row.Name}`),
    );
  }

  async update(ids) {
    const rows = accounts(101, 150).map((row) => ({ Id: ids.get(row[KEY]), Industry: 'Retail' }));
    const stranger = { Id: '001ZZ0000000001AAA', Industry: 'Retail' };
    const load = await this.#load('update', [...rows, stranger]);
    this.#counts(load, 'JobComplete', rows.length + 1, 1);
    const { successful, failed } = load.results;
    this.#checks.same('update: successful rows', text(successful), text(rows));
    this.#checks.equal('update: none is new', every(successful, 'sf__Created'), ['false']);
    this.#checks.same('update: failed rows', text(failed), text([stranger]));
    this.#checks.includes('update: why it failed', failed[0]?.sf__Error, 'INVALID_CROSS_REFERENCE_KEY');
    const stored = await this.#stored();
    const retail = [...stored.values()].filter(({ values }) => values.Industry === 'Retail');
    this.#checks.same(
      'update: the org has changed those',
      retail.map(({ id, values }) => `${id} ${values.Name}`),
      accounts(101, 150).map((row) => `${ids.get(row[KEY])} ${row.Name}`),
    );
  }

  async delete(ids) {
    const rows = ids.map((Id) => ({ Id }));
    const load = await this.#load('delete', rows);
    this.#counts(load, 'JobComplete', rows.length, 0);
    this.#checks.same('delete: successful rows', text(load.results.successful), text(rows));
    const stored = await this.#stored();
    this.#checks.equal('delete: the org has them no more', ids.filter((id) => stored.has(id)).length, 0);
  }

  async badHeader() {
    const load = await this.#load('insert', accounts(401, 410, { Nobody__c: 'x' }), undefined, 'unknown column');
    this.#counts(load, 'Failed', 0, 0);
    this.#checks.includes('unknown column: its name', load.error, 'Field name not found : Nobody__c');
  }

  /** The only way to get unprocessed rows. */
  async failsHalfway(rows) {
    await this.#org.failNextJob(200);
    const load = await this.#load('upsert', rows, KEY, 'job that fails halfway');
    this.#counts(load, 'Failed', 200, 0);
    const { successful, failed, unprocessed } = load.results;
    this.#checks.equal(
      'job that fails halfway: rows in the three files',
      [successful.length, failed.length, unprocessed.length],
      [200, 0, 300],
    );
    this.#checks.same('job that fails halfway: no row is lost', text([...successful, ...unprocessed]), text(rows));
    const landed = [...(await this.#stored()).values()].map(({ values }) => values[KEY]);
    this.#checks.same(
      'job that fails halfway: successful rows are in the org',
      successful.map((row) => row[KEY]).filter((key) => landed.includes(key)),
      successful.map((row) => row[KEY]),
    );
  }

  async #load(operation, rows, key, what = operation) {
    const before = await this.#org.ledger();
    const load = await this.#client.load({ object: OBJECT, operation, rows, key });
    const { jobs } = await this.#org.ledger();
    const job = jobs.at(-1);
    this.#checks.equal(`${what}: one job`, jobs.length - before.jobs.length, 1);
    // Not every client returns the id of a failed job.
    if (load.jobId !== undefined) this.#checks.equal(`${what}: id of the job`, load.jobId, job.id);
    // A simulated org that refuses to return a job's results would fail on its own; there are none if no row was
    // processed.
    const results = job.numberRecordsProcessed > 0 ? await this.#client.results(job.id) : undefined;
    const { requests } = await this.#org.ledger();
    const refused = requests.slice(before.requests.length).filter(({ status }) => status === 0 || status >= 400);
    this.#checks.equal(
      `${what}: no request was refused`,
      refused.map(({ method, path, status }) => `${status} ${method} ${path}`),
      [],
    );
    return { ...load, what, job, results };
  }

  /** The org's counters, and the client's if it shows any. */
  #counts({ what, job, processed, failed, error, results }, state, wanted, wantedFailed) {
    const { numberRecordsProcessed, numberRecordsFailed, uploads } = job;
    this.#checks.equal(
      `${what}: the org says ${state}, ${wanted} processed, ${wantedFailed} failed, one upload`,
      [job.state, numberRecordsProcessed, numberRecordsFailed, uploads],
      [state, wanted, wantedFailed, 1],
    );
    const told = [processed ?? wanted, failed ?? wantedFailed];
    if (processed !== undefined || failed !== undefined) {
      this.#checks.equal(`${what}: the client says the same`, told, [wanted, wantedFailed]);
    }
    if (state === 'Failed') {
      this.#checks.includes(`${what}: the client says why`, error, job.errorMessage);
      return;
    }
    if (wantedFailed === 0) this.#checks.equal(`${what}: no error for the client`, error, undefined);
    const { successful, unprocessed } = results;
    this.#checks.equal(
      `${what}: rows in the three files`,
      [successful.length, results.failed.length, unprocessed.length],
      [wanted - wantedFailed, wantedFailed, 0],
    );
  }

  async #stored() {
    const records = await this.#org.records(OBJECT);
    return new Map(records.filter(({ deleted }) => !deleted).map((record) => [record.id, record]));
  }
}

const every = (rows, column) => [...new Set(rows.map((row) => row[column]))];

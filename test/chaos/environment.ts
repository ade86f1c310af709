/** The environment of one case: its org, its folder with the file, its worker process, its client. */
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { stringify } from 'csv-stringify/sync';
import type { LoadHandle } from '../../src/client/load-handle.js';
import { startBulkLoad } from '../../src/client/start-load.js';
import type { BulkLoadInput } from '../../src/contract/load-input.js';
import { startSimulator } from '../../src/simulator/index.js';
import type { Simulator } from '../../src/simulator/index.js';
import { TemporalServer, WorkerProcess } from './processes.js';
import { needsOwnServer } from './types.js';
import type { Case, LoadPlan } from './types.js';

export interface Row {
  key: string;
  name: string;
  cells: Record<string, string>;
}

/** A kill of the worker, and the time when it was gone. */
export interface Killing {
  at: number;
  goneAt: number;
}

export class World {
  readonly org: Simulator;
  readonly folder: string;
  readonly rows: readonly Row[];
  readonly keyField: string;
  readonly object: string;
  /** The field with the `name` of a row. */
  readonly valueField: string;
  readonly client: Client;
  readonly kills: Killing[] = [];
  readonly #case: Case;
  readonly #connection: Connection;
  readonly #ownServer: TemporalServer | undefined;
  readonly #address: string;
  readonly #taskQueue = `chaos-${randomUUID().slice(0, 8)}`;
  readonly #workers: WorkerProcess[] = [];
  #token: string;

  private constructor(
    given: Case,
    org: Simulator,
    folder: string,
    temporal: { address: string; connection: Connection; own: TemporalServer | undefined },
  ) {
    this.#case = given;
    this.org = org;
    this.folder = folder;
    this.#address = temporal.address;
    this.#connection = temporal.connection;
    this.#ownServer = temporal.own;
    this.#token = org.token;
    this.client = new Client({ connection: temporal.connection });
    this.keyField = keyFieldOf(given.load);
    this.object = given.load.object ?? 'Account';
    this.valueField = this.object === 'Account' ? 'Name' : 'Value__c';
    this.rows = rowsOf(given.load, org);
  }

  /** @param address of the server for cases that do not kill it */
  static async open(given: Case, address: string): Promise<World> {
    const folder = await realpath(await mkdtemp(join(tmpdir(), 'nightload-chaos-')));
    const own = needsOwnServer(given) ? await TemporalServer.start(join(folder, 'temporal.db')) : undefined;
    const org = await startSimulator({ recordsPerSecond: given.load.recordsPerSecond ?? 20_000 });
    const at = own?.address ?? address;
    const connection = await Connection.connect({ address: at });
    return new World(given, org, folder, { address: at, connection, own });
  }

  /** Writes the file, starts a worker and the load. */
  async start(): Promise<LoadHandle> {
    const { load } = this.#case;
    const text = stringify(
      this.rows.map(({ cells }) => cells),
      { header: true },
    );
    const source = join(this.folder, 'rows.csv');
    await writeFile(source, text);
    this.startWorker();
    const input: BulkLoadInput = {
      source: pathToFileURL(source).href,
      object: this.object,
      operation: load.operation === 'keyed insert' ? 'insert' : load.operation,
      loadId: `chaos-${randomUUID().slice(0, 8)}`,
      poll: { initialInterval: '500ms', maximumInterval: '1s', settleInterval: '300ms' },
      retry: { maxRounds: 3, initialWait: '500ms', backoffCoefficient: 1 },
      ...(load.parts > 1 && {
        part: { maxBytes: Math.max(1_000, Math.ceil((Buffer.byteLength(text) / load.parts) * 1.1)) },
      }),
      ...(this.keyField === 'External_Id__c' && { externalIdFieldName: this.keyField }),
    };
    if (load.operation === 'delete') delete input.externalIdFieldName;
    return startBulkLoad(this.client, input, { taskQueue: this.#taskQueue });
  }

  startWorker(): void {
    const login: NodeJS.ProcessEnv =
      this.#case.login === 'token'
        ? { SF_INSTANCE_URL: this.org.url, SF_ACCESS_TOKEN: this.#token }
        : { SF_LOGIN_URL: this.org.url, SF_CLIENT_ID: 'nightload-client', SF_CLIENT_SECRET: 'nightload-secret' };
    const env = {
      ...login,
      TEMPORAL_ADDRESS: this.#address,
      NIGHTLOAD_FILE_ROOTS: this.folder,
      NIGHTLOAD_TASK_QUEUE: this.#taskQueue,
    };
    this.#workers.push(new WorkerProcess(env, this.folder));
  }

  async killWorker(): Promise<void> {
    const at = Date.now();
    await this.#workers.at(-1)?.end('SIGKILL');
    this.kills.push({ at, goneAt: Date.now() });
  }

  /** The promise settles when the worker has ended, which a hanging step may delay. */
  stopWorker(): Promise<void> {
    return this.#workers.at(-1)?.end('SIGTERM') ?? Promise.resolve();
  }

  async killServer(): Promise<void> {
    await this.#ownServer?.kill();
  }

  async startServerAgain(): Promise<void> {
    await this.#ownServer?.startAgain();
  }

  /** A token as from a new login; the next worker uses it. */
  async newToken(): Promise<void> {
    const reply = await fetch(`${this.org.url}/services/oauth2/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: 'nightload-client',
        client_secret: 'nightload-secret',
      }),
    });
    this.#token = ((await reply.json()) as { access_token: string }).access_token;
  }

  /** For people who examine a failed case. */
  async keepEvidence(folder: string): Promise<void> {
    await mkdir(folder, { recursive: true });
    const start = this.org.ledger.requests[0]?.at ?? 0;
    const requests = this.org.ledger.requests.map(
      ({ at, method, path, status }) => `${((at - start) / 1000).toFixed(3)} ${method} ${path} ${status}`,
    );
    const kills = this.kills.map(({ at }) => `killed at ${((at - start) / 1000).toFixed(3)}`);
    await writeFile(join(folder, 'requests.txt'), [...requests, ...kills].join('\n'));
    await writeFile(join(folder, 'workers.txt'), this.#workers.map(({ said }) => said).join('\n=== next worker\n'));
    for await (const { workflowId, runId } of this.client.workflow.list({
      query: `TaskQueue = '${this.#taskQueue}'`,
    })) {
      const history = await this.client.workflow.getHandle(workflowId, runId).fetchHistory();
      await writeFile(join(folder, `${workflowId.replaceAll('/', '--')}.${runId}.json`), JSON.stringify(history));
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.end('SIGKILL')));
    await this.org.close();
    await this.#connection.close();
    await this.#ownServer?.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** A plain insert has a key that is not a key in the org, so rows that are applied twice are not refused. */
function keyFieldOf({ operation, object }: LoadPlan): string {
  if (object === 'Reading__b') return 'Meter__c';
  return operation === 'insert' ? 'AccountNumber' : 'External_Id__c';
}

function rowsOf(plan: LoadPlan, org: Simulator): Row[] {
  const keyField = keyFieldOf(plan);
  const keys = Array.from({ length: plan.rows }, (_, i) => `K-${i + 1}`);
  if (plan.object === 'Reading__b') {
    const cells = (key: string, i: number) => ({
      [keyField]: key,
      Read_At__c: '2026-11-29T01:00:00Z',
      Value__c: `${i}`,
    });
    return keys.map((key, i) => ({ key, name: `${i}`, cells: cells(key, i) }));
  }
  const exists = plan.operation === 'upsert' || plan.operation === 'delete';
  // An upsert updates records with an older value, except for the last third, which it creates.
  const there = keys.slice(0, plan.operation === 'upsert' ? Math.floor((plan.rows * 2) / 3) : plan.rows);
  const ids = exists
    ? org.seedRecords(
        'Account',
        there.map((key) => ({ [keyField]: key, Name: `old ${key}` })),
      )
    : [];
  return keys.map((key, i) => {
    if (plan.operation === 'delete') return { key, name: `old ${key}`, cells: { Id: ids[i] as string, Name: key } };
    const locked = i < (plan.locked ?? 0) ? ' [locked once]' : '';
    const padding = 'x'.repeat(plan.bytesPerRow ?? 0);
    const description = `line 1\nline "2", of ${key}${padding}${locked}`;
    return { key, name: `new ${key}`, cells: { [keyField]: key, Name: `new ${key}`, Description: description } };
  });
}

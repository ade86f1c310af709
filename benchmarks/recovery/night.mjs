// A simulated org, two workers, and one load after another, of which the worker is killed.
import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { openWorker } from '../clients/nightload.mjs';
import { writeRows } from '../data.mjs';
import { ROW_BYTES } from '../rows.mjs';
import { interruptedWork, secondsUntilResumed } from './interrupted.mjs';

export const PARTS = 6;
export const PARALLEL = 3;
const PART_ROWS = 1_000;
/** Milliseconds for each reply, so that kills meet each kind of step; a download has three replies. */
const DELAYS = { describe: 3_000, create: 200, upload: 6_000, info: 500, results: 2_000 };
const RECORDS_PER_SECOND = 250;
/** A new load is planned in the first seconds. */
const FIRST_KILL_MS = 8_000;
/** The step that was interrupted has ended by then: each kill is measured by itself. */
const NEXT_KILL_MS = { from: 7_000, to: 14_000 };
const LIMIT_MS = 60_000;

export async function openNight({ dist, temporal, folder }) {
  await mkdir(folder, { recursive: true });
  const source = `${folder}source.csv`;
  await writeRows(source, 0, PARTS * PART_ROWS);
  const { startSimulator } = await import(new URL('simulator/index.js', dist));
  const { startBulkLoad } = await import(new URL('client/start-load.js', dist));
  const org = await startSimulator({ recordsPerSecond: RECORDS_PER_SECOND });
  for (const [kind, delayReply] of Object.entries(DELAYS)) org.fault({ kind, times: 1e9, action: { delayReply } });
  const taskQueue = `recovery-${randomUUID().slice(0, 8)}`;
  const input = {
    source: pathToFileURL(source).href,
    object: 'Account',
    operation: 'upsert',
    externalIdFieldName: 'External_Id__c',
    part: { maxBytes: PART_ROWS * ROW_BYTES + 100, maxConcurrent: PARALLEL },
    poll: { initialInterval: '1s', maximumInterval: '4s', settleInterval: '300ms' },
  };
  const night = new Night({
    org,
    client: temporal.client,
    openWorker: () => openWorker({ dist, temporal, url: org.url, folder, token: org.token, queue: taskQueue }),
    startLoad: () =>
      startBulkLoad(temporal.client, { ...input, loadId: `recovery-${randomUUID().slice(0, 8)}` }, { taskQueue }),
  });
  night.workers.push(await night.openWorker(), await night.openWorker());
  return night;
}

class Night {
  loads = 0;
  workers = [];
  #load;

  constructor(options) {
    Object.assign(this, options);
  }

  /** @throws unless the load, if there is one, has loaded each row */
  async endLoad() {
    if (this.#load === undefined) return;
    const { state, balanced, records } = await this.#load.result();
    if (state !== 'Completed' || !balanced || records.succeeded !== PARTS * PART_ROWS)
      throw new Error(`not a whole load: ${state}, ${JSON.stringify(records)}`);
    this.loads++;
    this.#load = undefined;
  }

  /**
   * Kills a worker that has begun something, some time after the last kill.
   * @returns what it was, with the seconds until another worker did it
   */
  async kill(inTask) {
    if (this.workers.length < 2) this.workers.push(await this.openWorker());
    await sleep(await this.#timeToKill());
    for (let turn = Math.round(Math.random()); ; turn++) {
      const worker = this.workers[turn % 2];
      const work = (since) => interruptedWork(this.client, this.#workflowIds, worker.pid, since);
      if ((await work(Date.now())).length > 0) {
        const killedAt = Date.now();
        if (inTask) {
          // It has the task when it is killed.
          process.kill(worker.pid, 'SIGSTOP');
          await this.#giveTask();
        }
        process.kill(worker.pid, 'SIGKILL');
        this.workers.splice(turn % 2, 1);
        return Promise.all(
          (await work(killedAt)).map(async (one) => ({
            kind: one.kind,
            seconds: await secondsUntilResumed(this.client, one, { killedAt, limitMs: LIMIT_MS }),
          })),
        );
      }
      await sleep(100 + Math.random() * 200);
      if (!(await this.#isLoading())) await sleep(await this.#timeToKill());
    }
  }

  /** Of a new load if the last one has ended. */
  async #timeToKill() {
    const { from, to } = NEXT_KILL_MS;
    if (await this.#isLoading()) {
      await sleep(from);
      if (await this.#isLoading()) return Math.random() * (to - from);
    }
    await this.endLoad();
    this.#load = await this.startLoad();
    return Math.random() * FIRST_KILL_MS;
  }

  async #isLoading() {
    if (this.#load === undefined) return false;
    const { status } = await this.client.workflow.getHandle(this.#load.workflowId).describe();
    return status.name === 'RUNNING';
  }

  get #workflowIds() {
    const { workflowId } = this.#load;
    return [workflowId, ...Array.from({ length: PARTS }, (_, n) => `${workflowId}/part-${n + 1}`)];
  }

  /** A message is a workflow task for the worker that had the part's last one. */
  async #giveTask() {
    for (const id of this.#workflowIds.slice(1).sort(() => Math.random() - 0.5)) {
      const isSent = this.client.workflow.getHandle(id).signal('pollNow');
      if (
        await isSent.then(
          () => true,
          () => false,
        )
      )
        return sleep(50);
    }
  }

  async close() {
    for (const worker of this.workers) await worker.stop();
    await this.org.close();
  }
}

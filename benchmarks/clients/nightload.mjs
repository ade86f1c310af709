// nightload as its users run it: a Temporal dev server, a worker in a separate process, the built command. Activity
// times come from the histories.
import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { peakMemory, processorTime, run, start } from '../processes.mjs';
import { TOKEN } from '../stub/start.mjs';

/** One for all workers of an org: its ledger stays on the task queue where it began. */
const QUEUE = `bench-${randomUUID().slice(0, 8)}`;

export const name = 'nightload';

/** The Temporal event types that are read here. */
const ACTIVITY_SCHEDULED = 10;
const ACTIVITY_STARTED = 11;
const ACTIVITY_COMPLETED = 12;
const WORKFLOW_COMPLETED = 2;

export const secondsOf = ({ seconds, nanos }) => Number(seconds ?? 0) + Number(nanos ?? 0) / 1e9;

/** @param dist folder of the build, as a file URL */
export async function openTemporal(dist, work) {
  const built = (path) => import(new URL(path, dist));
  const { findTemporalServer } = await built('dev/find-temporal.js');
  const { startDevServer } = await built('dev/dev-server.js');
  const { path: binary } = await findTemporalServer({ log: console.error });
  const dbFile = `${work}temporal-${randomUUID().slice(0, 8)}.db`;
  const server = await startDevServer({
    binary,
    dbFile,
    uiPort: 'off',
  });
  const { Client, Connection } = createRequire(new URL('client/start-load.js', dist))('@temporalio/client');
  const connection = await Connection.connect({ address: server.address });
  return {
    server,
    client: new Client({ connection }),
    async stop() {
      await connection.close();
      await server.stop();
      for (const suffix of ['', '-shm', '-wal']) await rm(`${dbFile}${suffix}`, { force: true });
    },
  };
}

/** A worker and the folder that it uses. */
export async function openWorker({ dist, temporal, url, folder, token = TOKEN, queue = QUEUE }) {
  const main = new URL('cli/main.js', dist).pathname;
  const env = {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    TEMPORAL_ADDRESS: temporal.server.address,
    NIGHTLOAD_TASK_QUEUE: queue,
    NIGHTLOAD_FILE_ROOTS: folder,
    SF_INSTANCE_URL: url,
    SF_ACCESS_TOKEN: token,
    SF_API_VERSION: 'v62.0',
  };
  const worker = await start(main, ['worker'], /Connections: /, { env, cwd: folder });
  return {
    pid: worker.pid,
    stop: worker.stop,
    memory: () => peakMemory(worker.pid),
    processorTime: async () => (await processorTime(worker.pid)).own,
    /** One load with the built command. */
    async load({ source, pollMs = 200, partSize = '100MB', parallel = 2 }) {
      const id = `bench-${randomUUID().slice(0, 8)}`;
      const what = ['--object', 'Account', '--operation', 'upsert', '--external-id', 'External_Id__c', '--id', id];
      const how = ['--poll-initial', `${pollMs}ms`, '--part-size', partSize, '--parallel', String(parallel), '--json'];
      const { out, seconds } = await run(main, ['load', source, ...what, ...how], { env });
      const result = JSON.parse(out.trim().split('\n').at(-1));
      if (result.state !== 'Completed' || !result.balanced) throw new Error(`not a whole load: ${out}`);
      const histories = await historiesOf(temporal.client, result);
      return {
        command: seconds,
        seconds: histories.seconds,
        rows: result.records.succeeded,
        requests: result.apiRequests,
        polls: result.jobs.map(({ polls }) => polls),
        results: new URL('..', pathToFileURL(result.files.report.replace(/^file:\/\//, ''))).pathname,
        peakMB: await peakMemory(worker.pid),
        ...histories,
      };
    },
  };
}

async function historiesOf(client, { workflowId, runId, jobsTotal }) {
  const parent = await historyOf(client, workflowId, runId);
  const children = [];
  for (let part = 1; part <= jobsTotal; part++) children.push(await historyOf(client, `${workflowId}/part-${part}`));
  const sum = (step) => children.reduce((all, { steps }) => all + (steps[step] ?? 0), 0);
  return {
    seconds: parent.seconds,
    planning: parent.steps.planLoad,
    upload: sum('uploadPart'),
    download: sum('downloadResults'),
    moving: sum('uploadPart') + sum('downloadResults'),
    parentEvents: parent.events,
    childEvents: children.map(({ events }) => events),
  };
}

/** Seconds from start to end, and the total run time of each kind of activity. */
async function historyOf(client, workflowId, runId) {
  const { events } = await client.workflow.getHandle(workflowId, runId).fetchHistory();
  const steps = {};
  const begun = new Map();
  for (const event of events) {
    const id = Number(event.eventId);
    if (event.eventType === ACTIVITY_SCHEDULED) {
      begun.set(id, { type: event.activityTaskScheduledEventAttributes.activityType.name });
    } else if (event.eventType === ACTIVITY_STARTED) {
      begun.get(Number(event.activityTaskStartedEventAttributes.scheduledEventId)).at = secondsOf(event.eventTime);
    } else if (event.eventType === ACTIVITY_COMPLETED) {
      const { type, at } = begun.get(Number(event.activityTaskCompletedEventAttributes.scheduledEventId));
      steps[type] = (steps[type] ?? 0) + secondsOf(event.eventTime) - at;
    }
  }
  const [first, last] = [events[0], events.at(-1)];
  if (last.eventType !== WORKFLOW_COMPLETED) throw new Error(`${workflowId} did not complete`);
  return { events: events.length, steps, seconds: secondsOf(last.eventTime) - secondsOf(first.eventTime) };
}

/** `nightload worker`. */
import { resolve } from 'node:path';
import { Runtime } from '@temporalio/worker';
import { dataConverterFromEnvironment } from '../../codec/data-converter.js';
import { DEFAULT_TASK_QUEUE } from '../../contract/names.js';
import { allocationsOf, allowsOf } from '../../salesforce/config/connection-facts.js';
import { connectionsFromEnvironment, withSfCli } from '../../salesforce/config/connections-from-env.js';
import { openConnection } from '../../salesforce/config/open-connection.js';
import { FileRoots } from '../../storage/files/file-roots.js';
import { folderUri } from '../../storage/locations.js';
import { NightloadError } from '../../errors.js';
import { deploymentFrom } from '../../workers/versions/deployment.js';
import { untilDrained } from '../../workers/versions/drain.js';
import type { Drain } from '../../workers/versions/drain.js';
import { fixersFrom } from '../../workers/fixers.js';
import { notifierFrom } from '../../workers/notifier.js';
import { uiUrlFrom } from '../../workers/ui-url.js';
import { logSettings, workerLog } from '../../workers/logger.js';
import { slotsFrom } from '../../workers/slots.js';
import { metricsAddress, shownAddress } from '../../workers/monitoring/metrics-address.js';
import { startMonitoring } from '../../workers/monitoring/start-monitoring.js';
import { SHUTDOWN, startWorker } from '../../workers/create-worker.js';
import type { RunningWorker } from '../../workers/create-worker.js';
import { keepSecretsOut } from '../../workers/startup/secret-paths.js';
import { bundleWorkflows } from '../../workers/bundle.js';
import { openTracing } from '../../workers/tracing.js';
import { logAsJson } from '../shared/log-as-json.js';
import { say, sayWarning } from '../shared/output.js';
import { taskQueueFrom, temporalSettings } from '../temporal/connect.js';
import { nativeConnection, renewWorker } from '../temporal/worker-connection.js';
import { IS_URI } from '../shared/input/load-input.js';

export interface WorkerOptions {
  fromSf?: string;
  drain?: boolean;
}

export async function worker(options: WorkerOptions = {}): Promise<number> {
  const { env } = process;
  const log = logSettings(env);
  if (log.format === 'json') logAsJson();
  const deployment = deploymentFrom(env);
  if (options.drain === true && deployment === undefined) {
    throw new NightloadError('USAGE', '--drain needs the name of the deployment: set NIGHTLOAD_DEPLOYMENT.');
  }
  const settings = withSfCli(connectionsFromEnvironment(env, sayWarning), options.fromSf);
  const notifier = notifierFrom(env, sayWarning);
  const uiUrl = uiUrlFrom(env);
  const dataConverter = dataConverterFromEnvironment(env);
  const temporal = temporalSettings();
  const slots = slotsFrom(env);
  const roots = await FileRoots.fromEnvironment(env, process.cwd(), sayWarning);
  await keepSecretsOut(roots, settings, env);
  const output = env['NIGHTLOAD_OUTPUT'];
  // The SDK's own handlers stop all workers of the process at SIGINT and SIGTERM, but know none before one runs.
  const address = metricsAddress(env);
  const tracing = await openTracing(env);
  const monitoring = address && (await startMonitoring(address));
  Runtime.install(workerLog(log, monitoring?.metrics));
  const signals = ['SIGINT', 'SIGTERM'] as const;
  const end = (): never => process.exit(0);
  for (const signal of signals) process.on(signal, end);
  const connection = await nativeConnection(temporal);
  const taskQueue = taskQueueFrom(env, DEFAULT_TASK_QUEUE);
  const running = await startWorker({
    connection,
    dataConverter,
    namespace: temporal.namespace,
    taskQueue,
    connections: new Map([...settings].map(([name, one]) => [name, openConnection(one)])),
    allocations: allocationsOf(settings),
    allows: allowsOf(settings),
    fixers: fixersFrom(env),
    notifier,
    uiUrl,
    slots,
    deployment,
    roots,
    ...(tracing && {
      plugins: tracing.plugins,
      workflowBundle: { code: await bundleWorkflows(dataConverter, tracing.workflowModules) },
    }),
    ...(output ? { defaultOutput: IS_URI.test(output) ? output : folderUri(resolve(output)) } : {}),
  });
  for (const signal of signals) {
    process.off(signal, end);
    process.once(signal, () =>
      say(
        `${signal}: the worker takes no more work, and ends its running steps (up to ${SHUTDOWN.shutdownForceTime}).`,
      ),
    );
  }
  if (monitoring !== undefined) {
    monitoring.watch({ ...running, namespace: temporal.namespace, taskQueue });
    for (const signal of signals) process.once(signal, () => monitoring.stopping());
  }
  say(`Worker on ${temporal.address}, namespace ${temporal.namespace}, queues ${taskQueue} and ${running.filesQueue}.`);
  const connections = [...settings.keys()].join(', ') || 'none (set SF_* variables or NIGHTLOAD_CONNECTIONS)';
  const objects = roots.objects.map((root) => `${root}/`);
  say(`Files: ${[...roots.folders, ...objects].join(', ')}. Connections: ${connections}.`);
  if (monitoring !== undefined)
    say(`Metrics on http://${shownAddress(monitoring.address)}/metrics, also /healthz and /readyz.`);
  if (deployment !== undefined) say(`Version ${deployment.buildId} of the deployment ${deployment.name}.`);
  const stopRenewing = renewWorker(temporal, running);
  const ended = new AbortController();
  try {
    if (options.drain === true && deployment !== undefined) {
      const { namespace } = temporal;
      const drain = { connection: () => running.connection(), namespace, deployment, signal: ended.signal };
      // If the worker fails meanwhile, `done` reports it.
      void stopWhenDrained(running, drain).catch(() => undefined);
    }
    await running.done;
  } finally {
    ended.abort();
    stopRenewing();
    await monitoring?.close();
    await tracing?.close();
  }
  return 0;
}

async function stopWhenDrained(running: RunningWorker, drain: Drain): Promise<void> {
  await untilDrained(drain);
  if (drain.signal.aborted) return;
  say(`Version ${drain.deployment.buildId} has no loads left and gets no new ones: the worker exits.`);
  await running.stop();
}

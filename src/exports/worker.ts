/** `nightload/worker`: workers that run loads, on their own or inside another program's worker. */
export { NightloadPlugin } from '../workers/plugin.js';
export { nightloadServiceHandler } from '../workers/nexus-handler.js';
export { connectionsFromEnvironment } from '../salesforce/config/connections-from-env.js';
export type { ConnectionSettings } from '../salesforce/config/connection-settings.js';
export { dataConverterFromEnvironment } from '../codec/data-converter.js';
export { workflowInterceptorModules } from '../workers/bundle.js';
export { connectionsFromFile, startWorker } from '../workers/worker-host.js';
export type { HostOptions, ServerOptions } from '../workers/worker-host.js';
export type { RunningWorker } from '../workers/create-worker.js';

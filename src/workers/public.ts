/** `nightload/worker`: workers that run loads, by themselves or inside another program's worker. */
export { NightloadPlugin } from '../plugin.js';
export { nightloadServiceHandler } from '../nexus.js';
export { connectionsFromEnvironment } from '../salesforce/settings.js';
export type { ConnectionSettings } from '../salesforce/settings.js';
export { dataConverterFromEnvironment } from '../codec/data-converter.js';
export { connectionsFromFile, startWorker } from './host.js';
export type { HostOptions, ServerOptions } from './host.js';
export type { RunningWorker } from './worker.js';

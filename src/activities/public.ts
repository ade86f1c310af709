/**
 * `nightload/activities`: the steps of loads, for a worker that is put together by hand.
 * @experimental Names and arguments of single steps may change in any version.
 */
export { openActivities } from '../workers/host.js';
export type { HostOptions, OpenActivities, ServerOptions } from '../workers/host.js';
export type { Activities } from './index.js';

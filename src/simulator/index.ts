/** The stand-in org. It shares no code with the client that it is there to check. */
export { SIMULATOR_TOKEN, startSimulator } from './server.js';
export type { Simulator, SimulatorOptions } from './server.js';
export { KEY_HEADER } from './guard.js';
export { asFault } from './faults.js';
export type { Fault, FaultAction, RequestKind } from './faults.js';
export { LOGIN_FAILURES } from './oauth.js';
export type { LoginFailure, OAuthOptions } from './oauth.js';
export { DEFAULT_QUIRKS } from './quirks.js';
export type { Quirks } from './quirks.js';

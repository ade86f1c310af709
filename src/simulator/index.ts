/** The simulated org. It shares no code with the client that it tests. */
export { startSimulator } from './http/server.js';
export type { SimulatorOptions } from './http/server.js';
export type { Simulator } from './simulator.js';
export { orgFolderSchemas } from './org-folder/json-schemas.js';
export { KEY_HEADER } from './http/guard.js';
export { asFault } from './http/faults.js';
export type { Fault, FaultAction, RequestKind } from './http/faults.js';
export { LOGIN_FAILURES } from './auth/oauth.js';
export type { LoginFailure } from './auth/oauth.js';
export { DEFAULT_QUIRKS } from './quirks.js';

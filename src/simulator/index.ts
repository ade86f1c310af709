/** The stand-in org. It shares no code with the client that it is there to check. */
export { SIMULATOR_TOKEN, startSimulator } from './server.js';
export type { Simulator, SimulatorOptions } from './server.js';
export type { Fault, RequestKind } from './faults.js';

/** `nightload/testing`: real loads in tests, and the simulated org alone. @experimental */
export { startTestEnvironment } from '../testing/test-environment.js';
export type { NightloadTestEnvironment, TestEnvironmentOptions } from '../testing/test-environment.js';
export { startSimulator } from '../simulator/index.js';
export type { Simulator, SimulatorOptions } from '../simulator/index.js';

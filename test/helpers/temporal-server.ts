/** One Temporal dev server for all tests that need a real one, unless TEMPORAL_ADDRESS names a running server. */
import type { TestProject } from 'vitest/node';
import { startDevServer } from '../../src/dev/dev-server.js';
import { findTemporalServer } from '../../src/dev/find-temporal.js';
import { freePort } from '../../src/runtime/free-port.js';
import { buildBundle } from './workflow-bundle.js';

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const bundle = await buildBundle();
  project.provide('workflowBundlePath', bundle.path);
  const given = process.env['TEMPORAL_ADDRESS'];
  if (given) {
    project.provide('temporalAddress', given);
    return bundle.remove;
  }
  const { path } = await findTemporalServer({ log: (line) => console.error(line) });
  // The usual port may be wanted by somebody who works on this machine.
  const server = await startDevServer({ binary: path, port: await freePort(), uiPort: 'off' });
  project.provide('temporalAddress', server.address);
  return async () => {
    await server.stop();
    await bundle.remove();
  };
}

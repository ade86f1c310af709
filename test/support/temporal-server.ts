/** One Temporal dev server for all tests against a real one, unless TEMPORAL_ADDRESS names a server that runs. */
import type { TestProject } from 'vitest/node';
import { startDevServer } from '../../src/workers/dev-server.js';
import { findTemporalServer } from '../../src/workers/temporal-server.js';
import { buildBundle } from './bundle.js';

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const bundle = await buildBundle();
  project.provide('workflowBundlePath', bundle.path);
  const given = process.env['TEMPORAL_ADDRESS'];
  if (given) {
    project.provide('temporalAddress', given);
    return bundle.remove;
  }
  const { path } = await findTemporalServer({ log: (line) => console.error(line) });
  const server = await startDevServer({ binary: path, uiPort: 'off' });
  project.provide('temporalAddress', server.address);
  return async () => {
    await server.stop();
    await bundle.remove();
  };
}

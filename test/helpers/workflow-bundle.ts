/** The workflow code, bundled once per test run. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundleWorkflows } from '../../src/workers/bundle.js';

export interface BuiltBundle {
  path: string;
  remove(): Promise<void>;
}

export async function buildBundle(): Promise<BuiltBundle> {
  const folder = await mkdtemp(join(tmpdir(), 'nightload-bundle-'));
  const path = join(folder, 'workflows.js');
  await writeFile(path, await bundleWorkflows());
  return { path, remove: () => rm(folder, { recursive: true, force: true }) };
}

declare module 'vitest' {
  export interface ProvidedContext {
    temporalAddress: string;
    workflowBundlePath: string;
    timeSkippingServer: string;
  }
}

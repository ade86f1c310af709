/** The workflow code as workers load it: prebuilt by `npm run build`, else bundled from the sources. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import type { WorkflowBundleOption } from '@temporalio/worker';
import { SDK_VERSION } from './download.js';

/** The folder resolves to index.ts among the sources and to index.js in a build. */
const WORKFLOWS = fileURLToPath(new URL('../workflows', import.meta.url));
/** What keeps messages that nobody can decode from freezing a workflow; for a host's own bundle too. */
export const WORKFLOW_INTERCEPTORS = fileURLToPath(new URL('../workflows/interceptors', import.meta.url));
export const PREBUILT_BUNDLE = fileURLToPath(new URL('../workflow-bundle.js', import.meta.url));
/** Version of the SDK that made it: a bundle fits only the worker of the same version. */
export const BUNDLE_SDK = fileURLToPath(new URL('../workflow-bundle.sdk', import.meta.url));

export async function bundleWorkflows(): Promise<string> {
  const { code } = await bundleWorkflowCode({
    workflowsPath: WORKFLOWS,
    workflowInterceptorModules: [WORKFLOW_INTERCEPTORS],
    logger: new DefaultLogger('WARN'),
  });
  return code;
}

export async function workflowBundle(): Promise<WorkflowBundleOption> {
  const fits =
    existsSync(PREBUILT_BUNDLE) && existsSync(BUNDLE_SDK) && readFileSync(BUNDLE_SDK, 'utf8') === SDK_VERSION;
  return fits ? { codePath: PREBUILT_BUNDLE } : { code: await bundleWorkflows() };
}

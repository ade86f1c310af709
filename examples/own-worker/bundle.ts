/** Writes the bundle for a worker that uses one: node bundle.js. If there are keys, set NIGHTLOAD_CODEC_KEYS as for the worker. */
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode } from '@temporalio/worker';
import { dataConverterFromEnvironment, workflowInterceptorModules } from 'nightload/worker';

// The bundle includes the failure converter, which encrypts failures.
const { failureConverterPath } = dataConverterFromEnvironment();
const { code } = await bundleWorkflowCode({
  workflowsPath: fileURLToPath(new URL('./workflows.js', import.meta.url)),
  workflowInterceptorModules,
  ...(failureConverterPath !== undefined && { failureConverterPath }),
});
await writeFile(new URL('./workflow-bundle.js', import.meta.url), code);

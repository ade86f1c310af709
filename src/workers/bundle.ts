/** The workflow code as workers load it: prebuilt by `npm run build`, else bundled from the sources. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import type { DataConverter } from '@temporalio/common';
import type { WorkflowBundleOption } from '@temporalio/worker';
import { FAILURE_CONVERTER } from '../codec/data-converter.js';
import { SDK_VERSION } from './download.js';

/** The folder resolves to index.ts among the sources and to index.js in a build. */
const WORKFLOWS = fileURLToPath(new URL('../workflows', import.meta.url));
/** What keeps messages that nobody can decode from freezing a workflow; for a host's own bundle too. */
export const WORKFLOW_INTERCEPTORS = fileURLToPath(new URL('../workflows/interceptors', import.meta.url));
export const PREBUILT_BUNDLE = fileURLToPath(new URL('../workflow-bundle.js', import.meta.url));
/** The same, for workers that encrypt: the converter of failures is part of a bundle. */
export const ENCODING_BUNDLE = fileURLToPath(new URL('../workflow-bundle.encoding.js', import.meta.url));
/** Version of the SDK that made it: a bundle fits only the worker of the same version. */
export const BUNDLE_SDK = fileURLToPath(new URL('../workflow-bundle.sdk', import.meta.url));

type Converters = Pick<DataConverter, 'payloadConverterPath' | 'failureConverterPath'>;

export async function bundleWorkflows({
  payloadConverterPath,
  failureConverterPath,
}: Converters = {}): Promise<string> {
  const { code } = await bundleWorkflowCode({
    workflowsPath: WORKFLOWS,
    workflowInterceptorModules: [WORKFLOW_INTERCEPTORS],
    logger: new DefaultLogger('WARN'),
    ...(payloadConverterPath !== undefined && { payloadConverterPath }),
    ...(failureConverterPath !== undefined && { failureConverterPath }),
  });
  return code;
}

export async function workflowBundle(converters: Converters = {}): Promise<WorkflowBundleOption> {
  const built = prebuiltFor(converters);
  const fits =
    built !== undefined &&
    existsSync(built) &&
    existsSync(BUNDLE_SDK) &&
    readFileSync(BUNDLE_SDK, 'utf8') === SDK_VERSION;
  return fits ? { codePath: built } : { code: await bundleWorkflows(converters) };
}

/** Undefined for converters of somebody else's, which no bundle of ours has. */
function prebuiltFor({ payloadConverterPath, failureConverterPath }: Converters): string | undefined {
  if (payloadConverterPath !== undefined) return undefined;
  if (failureConverterPath === undefined) return PREBUILT_BUNDLE;
  return failureConverterPath === FAILURE_CONVERTER ? ENCODING_BUNDLE : undefined;
}

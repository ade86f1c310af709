/** The workflow code as workers load it: prebuilt by `npm run build`, otherwise bundled from the sources. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import type { DataConverter } from '@temporalio/common';
import type { WorkflowBundleOption } from '@temporalio/worker';
import { FAILURE_CONVERTER } from '../codec/data-converter.js';
import { SDK_VERSION } from '../runtime/sdk-version.js';
import { defined } from '../domain/defined.js';

/** The folder resolves to index.ts in the sources and to index.js in a build. */
const WORKFLOWS = fileURLToPath(new URL('../workflows', import.meta.url));
/**
 * Keeps messages that cannot be decoded from freezing a workflow. If you bundle nightload's workflows yourself, pass
 * them to `bundleWorkflowCode`; `NightloadPlugin` does it when the worker bundles them.
 */
export const workflowInterceptorModules: string[] = [
  fileURLToPath(new URL('../workflows/interceptors', import.meta.url)),
];
/** Shared by all workflows of a worker. */
const SHARED = fileURLToPath(new URL('../workflows/incoming/shared-modules', import.meta.url));
export const PREBUILT_BUNDLE = fileURLToPath(new URL('../workflow-bundle.js', import.meta.url));
/** The same, for workers that encrypt: the failure converter is part of a bundle. */
export const ENCODING_BUNDLE = fileURLToPath(new URL('../workflow-bundle.encoding.js', import.meta.url));
/** Version of the SDK that built it: a bundle fits only workers of the same version. */
export const BUNDLE_SDK = fileURLToPath(new URL('../workflow-bundle.sdk', import.meta.url));

type Converters = Pick<DataConverter, 'payloadConverterPath' | 'failureConverterPath'>;

/** @param modules more interceptors, which come first */
export async function bundleWorkflows(
  { payloadConverterPath, failureConverterPath }: Converters = {},
  modules: readonly string[] = [],
): Promise<string> {
  const { code } = await bundleWorkflowCode({
    workflowsPath: WORKFLOWS,
    workflowInterceptorModules: [...modules, ...workflowInterceptorModules],
    preloadModules: [SHARED],
    logger: new DefaultLogger('WARN'),
    ...defined({ payloadConverterPath, failureConverterPath }),
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

/** Undefined for custom converters, which none of our bundles contain. */
function prebuiltFor({ payloadConverterPath, failureConverterPath }: Converters): string | undefined {
  if (payloadConverterPath !== undefined) return undefined;
  if (failureConverterPath === undefined) return PREBUILT_BUNDLE;
  return failureConverterPath === FAILURE_CONVERTER ? ENCODING_BUNDLE : undefined;
}

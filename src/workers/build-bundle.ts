/**
 * Run by `npm run build`: bundles the workflows once, so that workers start at once. Records the SDK version: a
 * different one, in a project that has its own, must not run this bundle.
 */
import { writeFile } from 'node:fs/promises';
import { FAILURE_CONVERTER } from '../codec/data-converter.js';
import { BUNDLE_SDK, bundleWorkflows, ENCODING_BUNDLE, PREBUILT_BUNDLE } from './bundle.js';
import { SDK_VERSION } from '../runtime/sdk-version.js';

await writeFile(PREBUILT_BUNDLE, await bundleWorkflows());
await writeFile(ENCODING_BUNDLE, await bundleWorkflows({ failureConverterPath: FAILURE_CONVERTER }));
await writeFile(BUNDLE_SDK, SDK_VERSION);

/** Run by `npm run build`: bundles the workflows once, so that a worker starts at once. */
import { writeFile } from 'node:fs/promises';
import { bundleWorkflows, PREBUILT_BUNDLE } from './bundle.js';

await writeFile(PREBUILT_BUNDLE, await bundleWorkflows());

/** Run by `npm run build`: bundles the workflows once, so that a worker starts at once. */
import { writeFile } from 'node:fs/promises';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { bundleWorkflows, PREBUILT_BUNDLE } from './bundle.js';

Runtime.install({ logger: new DefaultLogger('WARN') });
await writeFile(PREBUILT_BUNDLE, await bundleWorkflows());

import { createRequire } from 'node:module';

export const SDK_VERSION: string = (
  createRequire(import.meta.url)('@temporalio/client/package.json') as { version: string }
).version;

import { afterAll, beforeAll } from 'vitest';
import { openS3 } from '../../../../src/storage/s3/s3-store.js';
import { objectStoreContract } from '../../../helpers/object-store-contract.js';
import { startS3Server } from '../../../helpers/s3-server.js';
import type { S3Server } from '../../../helpers/s3-server.js';

let server: S3Server;
beforeAll(async () => {
  server = await startS3Server();
  Object.assign(process.env, server.settings);
});
afterAll(() => server.close());

objectStoreContract(() => ({ store: openS3(process.env), folder: 's3://bucket/contract' }));

/** The tests of an object store, against a server that others wrote. */
import { afterAll, beforeAll, describe } from 'vitest';
import { openS3 } from '../../src/storage/s3/s3-store.js';
import { objectStoreContract } from '../helpers/object-store-contract.js';
import { findVersitygw, startVersitygw } from '../helpers/versitygw.js';
import type { Versitygw } from '../helpers/versitygw.js';

const program = findVersitygw();

describe.skipIf(program === undefined)('versitygw', () => {
  let server: Versitygw | undefined;
  beforeAll(async () => {
    server = await startVersitygw(program as string, 'bucket');
    Object.assign(process.env, server.settings);
  });
  afterAll(() => server?.close());

  objectStoreContract(() => ({ store: openS3(process.env), folder: 's3://bucket/contract' }));
});

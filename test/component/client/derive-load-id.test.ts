/** A program that cannot read the source in an object store itself says so, and not what a waiting load would say. */
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { deriveLoadId } from '../../../src/client/derive-load-id.js';

let server: Server;
beforeEach(async () => {
  server = createServer((_request, reply) => reply.writeHead(503).end());
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  vi.stubEnv('AWS_ENDPOINT_URL_S3', `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  vi.stubEnv('AWS_REGION', 'us-east-1');
  vi.stubEnv('NIGHTLOAD_S3_FORCE_PATH_STYLE', '1');
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'key');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret');
});
afterEach(async () => {
  vi.unstubAllEnvs();
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
});

it('says that nothing was started, and what to do', async () => {
  const input = { source: 's3://night/a.csv', object: 'Account', operation: 'upsert' as const };
  await expect(deriveLoadId(input)).rejects.toMatchObject({
    code: 'STORE_UNAVAILABLE',
    message:
      'Nothing was started: the id of the load is derived from its source, which this program could not read. ' +
      'S3 cannot serve s3://night/a.csv now (Unknown, HTTP 503). ' +
      'Try again, give this program the AWS settings of the worker, or name the load (--id, "loadId").',
  });
});

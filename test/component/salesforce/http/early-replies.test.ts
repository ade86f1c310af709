import { createReadStream } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { SalesforceConnection } from '../../../../src/salesforce/bulk-client.js';
import {
  bodyOf,
  connectTo,
  CountingTokens,
  failure,
  JOB,
  refusal,
  startOrg,
  watch,
} from '../../../helpers/salesforce.js';

const SIZE = 20_000_000;
/** The outcome used to be random: a single run proves little. */
const TIMES = 10;

let folder: string;
let file: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nightload-early-'));
  file = join(folder, 'rows.csv');
  await writeFile(file, Buffer.alloc(SIZE, 'a'));
});
afterAll(() => rm(folder, { recursive: true }));

function upload(connection: SalesforceConnection, context = watch()): Promise<void> {
  return connection.uploadJobData(JOB, SIZE, () => createReadStream(file, { highWaterMark: 1 << 20 }), context);
}

/** Replies when part of the body has arrived, closes, and reads no more. */
function refuseEarly(request: IncomingMessage, response: ServerResponse, status: number, errorCode: string): void {
  let size = 0;
  request.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size < 3_000_000 || response.headersSent) return;
    request.pause();
    response.setHeader('connection', 'close');
    refusal(response, status, errorCode, 'no');
  });
}

async function rawServer(onData: (socket: Socket) => void): Promise<{ url: string }> {
  const server = createTcpServer((socket) => socket.on('error', () => undefined).once('data', () => onData(socket)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

describe('an upload that is refused before it was sent completely', () => {
  it.each([
    [400, 'INVALIDJOBSTATE', 'INVALID_JOB_STATE'],
    [403, 'API_DISABLED_FOR_ORG', 'API_DISABLED'],
  ])('keeps the refusal HTTP %i %s when the server closes', async (status, errorCode, code) => {
    const org = await startOrg((request, response) => refuseEarly(request, response, status, errorCode));
    const connection = connectTo(org);
    for (let n = 0; n < TIMES; n += 1) {
      expect(await failure(upload(connection))).toMatchObject({ code, httpStatus: status, retryable: false });
    }
  });

  it('keeps it when the server resets the connection', async () => {
    const body = '[{"errorCode":"INVALIDJOBSTATE","message":"no"}]';
    const reply = `HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
    const connection = connectTo(await rawServer((socket) => socket.write(reply, () => socket.resetAndDestroy())));
    for (let n = 0; n < TIMES; n += 1) {
      expect(await failure(upload(connection))).toMatchObject({ code: 'INVALID_JOB_STATE', retryable: false });
    }
  });

  it('renews an expired token and leaves the body to another job: one job, one upload', async () => {
    let received = 0;
    const org = await startOrg(async (request, response) => {
      if (request.headers.authorization?.endsWith('first.token')) {
        return refuseEarly(request, response, 401, 'INVALID_SESSION_ID');
      }
      received = (await bodyOf(request)).length;
      response.writeHead(201).end();
    });
    const tokens = new CountingTokens(org.url);
    const context = watch();
    const connection = connectTo(org, { tokens });
    expect(await failure(upload(connection, context))).toMatchObject({
      code: 'TOKEN_RENEWED',
      retryable: true,
      maybeApplied: false,
    });
    expect(tokens.renewals).toBe(1);
    await upload(connection, context);
    expect({ received, renewals: tokens.renewals, kinds: context.kinds }).toEqual({
      received: SIZE,
      renewals: 1,
      kinds: ['upload', 'upload'],
    });
  });

  it('is retryable if the connection breaks without a reply, and the platform has no complete body', async () => {
    const connection = connectTo(await rawServer((socket) => socket.destroy()));
    const started = Date.now();
    expect(await failure(upload(connection))).toMatchObject({
      code: 'SALESFORCE_REPLY_LOST',
      retryable: true,
      maybeApplied: false,
    });
    expect(Date.now() - started).toBeLessThan(5000);
  });
});

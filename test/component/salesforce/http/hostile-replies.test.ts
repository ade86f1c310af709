/** Malicious or badly broken servers: whatever they send, a call ends, and little of it is kept in memory. */
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Readable } from 'node:stream';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { afterEach, expect, test } from 'vitest';
import { OAuthTokens } from '../../../../src/salesforce/auth/oauth.js';
import { Secret } from '../../../../src/salesforce/auth/secret.js';
import { connectTo, errorOf, failure, JOB, json, startOrg, watch } from '../../../helpers/salesforce.js';

const MB = 1_000_000;
const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A server below HTTP: output is sent unchanged. */
async function startRaw(onRequest: (socket: Socket) => void): Promise<{ url: string; open: () => number }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => undefined);
    socket.once('data', () => onRequest(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, open: () => sockets.size };
}

/** Writes a small chunk from time to time, forever. */
function drip(socket: Socket, piece: string, every = 20): void {
  const timer = setInterval(() => socket.write(piece), every);
  socket.on('close', () => clearInterval(timer));
}

/** Peak memory during a run, in addition to the memory used before; bytes. */
async function memoryOf(run: () => Promise<unknown>): Promise<number> {
  const used = (): number => process.memoryUsage().rss;
  const before = used();
  let most = before;
  const timer = setInterval(() => (most = Math.max(most, used())), 5);
  try {
    await run();
  } finally {
    clearInterval(timer);
  }
  return Math.max(most, used()) - before;
}

const BLANK = Buffer.alloc(150 * MB, 0x20);
const FAST = { level: 1 };
const SMALL = { reply: 400, transferReply: 400 };

const BOMBS: [name: string, encoding: string, body: () => Buffer][] = [
  ['gzip', 'gzip', () => gzipSync(BLANK, FAST)],
  ['gzip in gzip', 'gzip, gzip', () => gzipSync(gzipSync(BLANK, FAST))],
  ['brotli', 'br', () => brotliCompressSync(BLANK, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } })],
];

test.each(BOMBS)('a bomb of %s as JSON is not unpacked: memory stays small', async (_name, encoding, body) => {
  const bomb = body();
  const org = await startOrg((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': encoding }).end(bomb);
  });
  const connection = connectTo(org);
  const used = await memoryOf(async () => {
    expect(await failure(connection.limits(watch()))).toMatchObject({
      code: 'SALESFORCE_REPLY_TOO_LARGE',
      retryable: true,
    });
  });
  expect(used).toBeLessThan(60 * MB);
});

test('many nested encodings are not even started', async () => {
  const org = await startOrg((_request, response) => {
    response.writeHead(200, { 'content-encoding': Array(50).fill('gzip').join(', ') }).end(gzipSync('{}'));
  });
  expect(await failure(connectTo(org).limits(watch()))).toMatchObject({ code: 'SALESFORCE_UNEXPECTED_REPLY' });
});

test('endless JSON, with a length or in chunks, is not read, and the connection is closed', async () => {
  for (const head of ['transfer-encoding: chunked', 'content-length: 99999999999']) {
    const org = await startRaw((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n${head}\r\n\r\n`);
      const piece = head.startsWith('transfer') ? `10000\r\n${' '.repeat(65_536)}\r\n` : ' '.repeat(65_536);
      const push = (): void => {
        while (!socket.destroyed && socket.write(piece));
      };
      socket.on('drain', push);
      push();
    });
    const connection = connectTo(org);
    const error = await failure(connection.getJob(JOB, watch()));
    expect(error).toMatchObject({ code: 'SALESFORCE_REPLY_TOO_LARGE', maybeApplied: false });
    await expect.poll(org.open).toBe(0);
  }
});

test('a describe may have some MB, but no more than 16', async () => {
  const fields = Array.from({ length: 900 }, (_, n) => ({ name: `F${n}__c`, label: 'x'.repeat(3_000) }));
  const org = await startOrg(({ url = '' }, response) => {
    const padding = url.includes('/Huge/') ? 'x'.repeat(17 * MB) : '';
    json(response, 200, { name: 'Account', fields, padding });
  });
  const connection = connectTo(org);
  expect((await connection.describe('Account', watch())).fields).toHaveLength(901);
  expect(await failure(connection.describe('Huge', watch()))).toMatchObject({ code: 'SALESFORCE_REPLY_TOO_LARGE' });
});

const DRIPS: [name: string, head: string, piece: string][] = [
  ['bytes of a body', 'HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n', ' '],
  ['chunks of a body', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n', '1\r\n \r\n'],
  ['bytes of a refusal', 'HTTP/1.1 400 Bad Request\r\ncontent-length: 60000\r\n\r\n', ' '],
  ['bytes of a header', 'HTTP/1.1 200 OK\r\nx: ', 'x'],
];

test.each(DRIPS)('slow %s: a call ends in time, and its socket is free', async (_name, head, piece) => {
  const org = await startRaw((socket) => {
    socket.write(head);
    drip(socket, piece);
  });
  const connection = connectTo(org, { timeouts: SMALL });
  const begun = Date.now();
  const error = await failure(connection.limits(watch()));
  expect(Date.now() - begun).toBeLessThan(5_000);
  // The status alone identifies a refusal, however much of its text has arrived.
  expect(error['code']).toBe(head.includes('400') ? 'SALESFORCE_HTTP_400' : 'SALESFORCE_TIMEOUT');
  await expect.poll(org.open).toBe(0);
});

test('endless informational responses, and endless headers, are no reply', async () => {
  for (const piece of ['HTTP/1.1 103 Early Hints\r\n\r\n', `x-more: ${'x'.repeat(1_000)}\r\n`]) {
    const org = await startRaw((socket) => {
      if (piece.startsWith('x')) socket.write('HTTP/1.1 200 OK\r\n');
      const timer = setInterval(() => socket.write(piece.repeat(20)), 1);
      socket.on('close', () => clearInterval(timer));
    });
    const connection = connectTo(org, { timeouts: { reply: 20_000 } });
    expect(await failure(connection.limits(watch()))).toMatchObject({ code: 'SALESFORCE_REPLY_LOST', retryable: true });
    await expect.poll(org.open).toBe(0);
  }
});

test('the status decides about an upload: the body of its reply is not awaited', async () => {
  const org = await startOrg(async (request, response) => {
    await request.resume().toArray();
    response.writeHead(201, { 'content-length': String(500 * MB) });
    const push = (): void => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536)));
    };
    response.on('drain', push);
    push();
  });
  const connection = connectTo(org, { timeouts: SMALL });
  const used = await memoryOf(() =>
    connection.uploadJobData(JOB, 4, () => Readable.from([Buffer.from('Id\n1')]), watch()),
  );
  expect(used).toBeLessThan(60 * MB);
});

test('an upload ends if the server stops reading, or if its reply is too slow', async () => {
  const body = (): Readable => Readable.from([...Array(400)].map(() => Buffer.alloc(65_536, 0x31)));
  const stuck = await startRaw((socket) => void socket.pause());
  const dripping = await startRaw((socket) => {
    socket.resume();
    setTimeout(() => {
      socket.write('HTTP/1.1 201 Cre');
      drip(socket, 'a');
    }, 100);
  });
  for (const org of [stuck, dripping]) {
    const connection = connectTo(org, { timeouts: SMALL });
    const error = await failure(connection.uploadJobData(JOB, 400 * 65_536, body, watch()));
    expect(error).toMatchObject({ code: 'SALESFORCE_TIMEOUT', maybeApplied: org === dripping });
    // A server that reads nothing does not notice.
    if (org === dripping) await expect.poll(org.open).toBe(0);
  }
});

test('a slow result file ends; one that waits for its reader does not', async () => {
  const dripping = await startRaw((socket) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-type: text/csv\r\ncontent-length: 100000\r\n\r\n');
    drip(socket, 'x');
  });
  const slow = await connectTo(dripping, { timeouts: SMALL }).openResult(JOB, 'failedResults', watch());
  expect(await failure(slow.stream.resume().toArray())).toMatchObject({ code: 'SALESFORCE_TIMEOUT', retryable: true });
  await expect.poll(dripping.open).toBe(0);

  const content = Buffer.alloc(2 * MB, 0x31);
  const org = await startOrg((_request, response) => void response.writeHead(200).end(content));
  const { stream } = await connectTo(org, { timeouts: { transferReply: 100 } }).openResult(
    JOB,
    'failedResults',
    watch(),
  );
  let bytes = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    if (bytes === 0) await new Promise((resolve) => setTimeout(resolve, 300));
    bytes += chunk.length;
  }
  expect(bytes).toBe(content.length);
});

test('a wrong length is reported: with more data than announced, and with less', async () => {
  const lying = (length: number) =>
    startRaw((socket) => {
      socket.end(
        `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n{"id":"1","state":"Open"}`,
      );
    });
  const long = connectTo(await lying(1_000), { timeouts: SMALL });
  expect(await failure(long.getJob(JOB, watch()))).toMatchObject({ code: 'SALESFORCE_REPLY_LOST' });
  const short = connectTo(await lying(5), { timeouts: SMALL });
  expect(await failure(short.getJob(JOB, watch()))).toMatchObject({ retryable: true });
});

test.each([
  ['itself', (page: string) => page],
  ['another page forever', (_page: string, n: number) => `/services/data/v66.0/jobs/ingest?queryLocator=${n}`],
  ['another host', () => 'https://evil.example/services/data/v66.0/jobs/ingest'],
  ['another host, in short', () => '//evil.example/services/data/v66.0/jobs/ingest'],
  ['another path', () => '/services/data/v66.0/query?q=SELECT+Id+FROM+User'],
  ['another path, by a detour', () => '/services/data/v66.0/jobs/ingest/../../sobjects'],
  ['another path, by a detour in code', () => '/services/data/v66.0/jobs/ingest/%2e%2e/%2e%2e/sobjects'],
])('a list of jobs whose next page is %s is refused', async (_name, next) => {
  const org = await startOrg(({ url = '' }, response) => {
    json(response, 200, { done: false, records: [], nextRecordsUrl: next(url, org.received.length) });
  });
  const connection = connectTo(org);
  const error = await failure(
    (async () => {
      for await (const job of connection.listJobs(watch())) expect(job).toBeUndefined();
    })(),
  );
  expect(error).toMatchObject({ code: 'SALESFORCE_UNEXPECTED_REPLY', retryable: true });
  expect(org.received.length).toBeLessThanOrEqual(500);
  expect(new Set(org.received.map(({ url }) => url.split('?')[0]))).toEqual(
    new Set(['/services/data/v66.0/jobs/ingest']),
  );
});

test('redirect loops are not followed', async () => {
  const org = await startOrg(({ url = '' }, response) => void response.writeHead(307, { location: url }).end());
  expect(await failure(connectTo(org).limits(watch()))).toMatchObject({ code: 'SALESFORCE_REDIRECT' });
  expect(org.received).toHaveLength(1);
});

test('a cancellation frees the socket at once, whatever the server does', async () => {
  for (const head of ['', ...DRIPS.map(([, head]) => head)]) {
    const org = await startRaw((socket) => {
      socket.write(head);
      drip(socket, 'x', 50);
    });
    const cancel = new AbortController();
    const running = errorOf(connectTo(org).limits(watch(cancel.signal)));
    await expect.poll(org.open).toBe(1);
    cancel.abort(new Error('canceled'));
    expect(await running).toMatchObject({ message: 'canceled' });
    await expect.poll(org.open).toBe(0);
  }
});

const LOGIN = { clientId: 'app', clientSecret: new Secret('secret') };

test('a slow login server does not block the connection: all waiting calls fail, and the next call asks again', async () => {
  let calls = 0;
  const login = await startOrg((_request, response) => {
    if (++calls > 1) return json(response, 200, { access_token: '00D!good', instance_url: login.url });
    response.writeHead(200, { 'content-type': 'application/json' });
    const timer = setInterval(() => response.write(' '), 20);
    response.on('close', () => clearInterval(timer));
  });
  const tokens = new OAuthTokens({ ...LOGIN, loginUrl: login.url }, 400);
  cleanups.push(() => tokens.close());
  const waiting = [tokens.current(), tokens.current(), tokens.renew('other')].map(errorOf);
  for (const error of await Promise.all(waiting)) {
    expect(error).toMatchObject({ code: 'LOGIN_UNREACHABLE', retryable: true });
  }
  expect(await tokens.current()).toMatchObject({ accessToken: '00D!good' });
  expect(calls).toBe(2);
});

test('a decompression bomb from a login server is not unpacked, and other calls are served meanwhile', async () => {
  const bomb = gzipSync(BLANK, FAST);
  const login = await startOrg((_request, response) => {
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb);
  });
  const tokens = new OAuthTokens({ ...LOGIN, loginUrl: login.url });
  cleanups.push(() => tokens.close());
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  const used = await memoryOf(async () => {
    expect(await errorOf(tokens.current())).toMatchObject({ code: 'AUTH_UNEXPECTED_REPLY', retryable: true });
  });
  delay.disable();
  expect(used).toBeLessThan(60 * MB);
  expect(delay.max / 1e6).toBeLessThan(1_000);
});

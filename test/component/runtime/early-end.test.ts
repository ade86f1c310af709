/** Servers that close right after a reply that is read slowly: the whole reply arrives, and the process lives. */
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { OutboundAgent } from '../../../src/runtime/outbound-agent.js';

const BODY = Buffer.alloc(300_000, 'a');
const CHUNKED = Buffer.concat([Buffer.from(`${BODY.length.toString(16)}\r\n`), BODY, Buffer.from('\r\n0\r\n\r\n')]);

/** Answers each connection once, then sends FIN. */
async function closingServer(headers: string[], body: Buffer): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => {
      socket.write(['HTTP/1.1 200 OK', ...headers, '', ''].join('\r\n'));
      socket.end(body);
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function get(origin: string): Promise<{ read: (pauseMs: number) => Promise<number> }> {
  const agent = new OutboundAgent({ connectTimeout: 1_000 });
  onTestFinished(() => agent.destroy());
  const { body } = await agent.request({ origin, path: '/', method: 'GET' });
  return {
    async read(pauseMs) {
      let bytes = 0;
      for await (const chunk of body) {
        bytes += (chunk as Buffer).length;
        await sleep(pauseMs);
      }
      return bytes;
    },
  };
}

it.each([
  ['a length, and a close that is announced', ['Connection: close', `Content-Length: ${BODY.length}`], BODY],
  ['a length, and a close that is not', [`Content-Length: ${BODY.length}`], BODY],
  ['chunks', ['Connection: close', 'Transfer-Encoding: chunked'], CHUNKED],
  ['neither, so that the close ends it', ['Connection: close'], BODY],
])('%s', async (_what, headers, body) => {
  const { read } = await get(await closingServer(headers, body));
  // Nobody reads: undici pauses, and the server has long closed.
  await sleep(300);
  expect(await read(1)).toBe(BODY.length);
});

it('a reply that is cut off is an error', async () => {
  const headers = ['Connection: close', `Content-Length: ${BODY.length + 1}`];
  const { read } = await get(await closingServer(headers, BODY));
  await sleep(300);
  await expect(read(0)).rejects.toThrow();
});

it('a reply that nobody reads ends with its connection', async () => {
  const agent = new OutboundAgent({ connectTimeout: 1_000 });
  const origin = await closingServer(['Connection: close', `Content-Length: ${BODY.length}`], BODY);
  const { body } = await agent.request({ origin, path: '/', method: 'GET' });
  await sleep(300);
  await agent.destroy();
  await expect(body.text()).rejects.toThrow();
});

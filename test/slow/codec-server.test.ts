/** Requests to the codec server that never end: each is cut off within half a minute, and the next one is served. */
import { connect } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { codecKeysFrom } from '../../src/codec/codec-keys.js';
import type { CodecKeys } from '../../src/codec/codec-keys.js';
import { startCodecServer } from '../../src/codec/codec-server.js';
import { keyRing } from '../helpers/codec-keys.js';

const TOKEN = 'a-token-of-enough-letters';
/** 30 s, and a tenth of that until it is noticed. */
const LIMIT_MS = 36_000;
/** The maximum number of connections. */
const SLOW = 100;

it('ends requests with slow headers and bodies, even a hundred at a time', async () => {
  const keys = codecKeysFrom(keyRing()('k1').env) as CodecKeys;
  const server = await startCodecServer({ keys, allowOrigin: 'http://127.0.0.1:8233', token: TOKEN });
  onTestFinished(() => server.close());
  const { port } = new URL(server.url);
  const head = `POST /decode HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/json\r\nAuthorization: Bearer ${TOKEN}\r\n`;
  const begun = Date.now();
  const drip = (first: string, piece: string): Promise<number> =>
    new Promise((done) => {
      const socket = connect(Number(port), '127.0.0.1', () => socket.write(first));
      const timer = setInterval(() => socket.write(piece), 500);
      socket.on('error', () => undefined).resume();
      socket.on('close', () => {
        clearInterval(timer);
        done(Date.now() - begun);
      });
    });
  const slow = Array.from({ length: SLOW }, (_, n) =>
    n % 2 === 0 ? drip(`${head}Content-Length: 100000\r\n\r\n{`, ' ') : drip(head, `X-${n}: y\r\n`),
  );
  const took = await Promise.all(slow);
  console.log(`${SLOW} slow requests were cut off after ${Math.min(...took)} to ${Math.max(...took)} ms.`);
  expect(Math.max(...took)).toBeLessThan(LIMIT_MS);
  const answer = await fetch(`${server.url}/decode`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${TOKEN}` },
    body: '{}',
  });
  expect(answer.status).toBe(200);
});

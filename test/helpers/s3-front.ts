/** An HTTP proxy in front of an S3 server that misbehaves on demand: real requests, real connections. */
import { createServer, request as send } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface S3Request {
  method: string;
  /** Without the bucket. */
  key: string;
  query: URLSearchParams;
  range: string | undefined;
}

/**
 * - a refusal with a status and S3's code, in place of the store's answer;
 * - `stall`: no answer at all; `{ stallAfter }`: so many bytes of the answer, then nothing;
 * - `{ cutAfter }`: the connection ends after so many bytes of the answer;
 * - `applyUnanswered`: the store does it, and the connection ends without an answer.
 */
export type S3Fault =
  | { status: number; code: string }
  | 'stall'
  | { stallAfter: number }
  | { cutAfter: number }
  | 'applyUnanswered'
  | undefined;

export interface S3Front {
  url: string;
  /** Asked for each request. */
  fault: (request: S3Request) => S3Fault | Promise<S3Fault>;
  seen: S3Request[];
  /** How many requests had a fault. */
  faults: number;
  close(): Promise<void>;
}

export async function startS3Front(target: string): Promise<S3Front> {
  const { hostname, port } = new URL(target);
  const server = createServer((asked, answer) => {
    void handle(asked, answer).catch(() => answer.destroy());
  });
  const front: S3Front = {
    url: '',
    fault: () => undefined,
    seen: [],
    faults: 0,
    async close() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };

  async function handle(asked: IncomingMessage, answer: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(asked.url ?? '/', 'http://x');
    const [, , ...key] = pathname.split('/');
    const { method = 'GET', headers } = asked;
    const one = { method, key: decodeURIComponent(key.join('/')), query: searchParams, range: headers.range };
    front.seen.push(one);
    const fault = await front.fault(one);
    if (fault !== undefined) front.faults++;
    if (fault === 'stall') return void asked.resume();
    if (typeof fault === 'object' && 'status' in fault) return refuse(asked, answer, fault);
    const passed = send({ hostname, port, path: asked.url, method, headers }, (reply) => {
      if (fault === 'applyUnanswered') return void reply.resume().on('end', () => answer.destroy());
      answer.writeHead(reply.statusCode ?? 500, reply.headers);
      if (fault === undefined) return void reply.pipe(answer);
      void part(reply, answer, fault);
    });
    passed.on('error', () => answer.destroy());
    asked.on('error', () => passed.destroy());
    answer.on('close', () => passed.destroy());
    asked.pipe(passed);
  }

  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  front.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return front;
}

function refuse(
  asked: IncomingMessage,
  answer: ServerResponse,
  { status, code }: { status: number; code: string },
): void {
  asked.resume().on('end', () => {
    answer.writeHead(status, { 'Content-Type': 'application/xml' });
    answer.end(
      asked.method === 'HEAD'
        ? undefined
        : `<?xml version="1.0"?><Error><Code>${code}</Code><Message>x</Message></Error>`,
    );
  });
}

/** The beginning of a reply. */
async function part(
  reply: IncomingMessage,
  answer: ServerResponse,
  fault: { stallAfter: number } | { cutAfter: number },
): Promise<void> {
  const most = 'cutAfter' in fault ? fault.cutAfter : fault.stallAfter;
  let sent = 0;
  for await (const chunk of reply as AsyncIterable<Buffer>) {
    const bytes = chunk.subarray(0, most - sent);
    sent += bytes.length;
    if (bytes.length > 0) answer.write(bytes);
  }
  // What was written is on its way first.
  if ('cutAfter' in fault) setTimeout(() => answer.destroy(), 20);
}

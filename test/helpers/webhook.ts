/** A webhook of our own that remembers what it gets. */
import { createServer } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { NotifyMessage } from '../../src/contract/notification.js';

export interface Delivery {
  headers: IncomingHttpHeaders;
  body: string;
  message: NotifyMessage;
}

export interface Webhook {
  url: string;
  deliveries: Delivery[];
  close(): Promise<void>;
}

type Answer = number | { status: number; headers: Record<string, string> };

/** @param answer the status for a delivery, possibly after a while */
export async function startWebhook(answer: (delivery: Delivery) => Answer | Promise<Answer>): Promise<Webhook> {
  const deliveries: Delivery[] = [];
  const server = createServer((request, reply) => {
    void (async () => {
      const body = await text(request);
      const delivery = { headers: request.headers, body, message: JSON.parse(body) as NotifyMessage };
      deliveries.push(delivery);
      const given = await answer(delivery);
      const { status, headers } = typeof given === 'number' ? { status: given, headers: {} } : given;
      reply.writeHead(status, headers).end();
    })();
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    deliveries,
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}

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

/** @param answer the status for a delivery, possibly after a while */
export async function startWebhook(answer: (delivery: Delivery) => number | Promise<number>): Promise<Webhook> {
  const deliveries: Delivery[] = [];
  const server = createServer((request, reply) => {
    void (async () => {
      const body = await text(request);
      const delivery = { headers: request.headers, body, message: JSON.parse(body) as NotifyMessage };
      deliveries.push(delivery);
      reply.writeHead(await answer(delivery)).end();
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

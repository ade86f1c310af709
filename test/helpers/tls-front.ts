/**
 * A TLS server that forwards everything, like a proxy in front of a Temporal server; without a target it only does the
 * handshake.
 */
import { connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { createServer } from 'node:tls';
import type { TlsOptions } from 'node:tls';

export interface Front {
  address: string;
  close(): Promise<void>;
}

export async function tlsFront(options: TlsOptions, target?: string): Promise<Front> {
  const open = new Set<Socket>();
  const server = createServer({ ALPNProtocols: ['h2'], ...options }, (socket) => {
    socket.on('error', () => undefined);
    if (target === undefined) return;
    const [host, port] = target.split(':');
    const behind = connect(Number(port), host);
    socket.pipe(behind).pipe(socket);
    behind.on('error', () => socket.destroy());
    socket.on('close', () => behind.destroy());
  });
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
  });
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      for (const socket of open) socket.destroy();
      await new Promise((done) => server.close(done));
    },
  };
}

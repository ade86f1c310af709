/** Free TCP ports of this machine, for servers that cannot choose one themselves. */
import { createServer } from 'node:net';

/** `wanted` if nothing listens there, else any free port. */
export async function freePort(wanted = 0): Promise<number> {
  const listen = (port: number): Promise<number> =>
    new Promise((done, fail) => {
      const server = createServer();
      server.once('error', fail);
      server.listen(port, '127.0.0.1', () => {
        const address = server.address();
        server.close(() => done(typeof address === 'object' && address !== null ? address.port : port));
      });
    });
  return wanted === 0 ? listen(0) : listen(wanted).catch(() => listen(0));
}

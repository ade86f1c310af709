/** Connections that still hand over the reply that a server sent before it stopped reading. */
import type { Duplex } from 'node:stream';
import { buildConnector } from 'undici';

/** What has come is read at once; this only ends the wait when nothing has. */
const GRACE = 1_000;

type Done = (error?: Error | null) => void;

/**
 * A server that refuses an upload early answers and closes while data is still being sent. Node destroys a socket at the
 * first write that fails, and with it the answer that waits to be read: a final refusal would look like a broken line.
 * So the failure is told late: by then undici has the reply, or has seen that the other side closed without one.
 * A reply that the network drops (a reset that overtakes it) cannot be had; that stays `SALESFORCE_REPLY_LOST`.
 */
function readBeforeFailing(socket: Duplex): void {
  const late = (done: Done): Done => {
    return (error) => {
      if (error) setTimeout(done, GRACE, error).unref();
      else done();
    };
  };
  const write = socket._write.bind(socket);
  const writev = socket._writev?.bind(socket);
  socket._write = (chunk, encoding, done) => write(chunk, encoding, late(done));
  if (writev) socket._writev = (chunks, done) => writev(chunks, late(done));
}

/** @param timeout milliseconds until a connection is there, TLS included */
export function connector(timeout: number): buildConnector.connector {
  return readsBeforeFailing(buildConnector({ timeout }));
}

export function readsBeforeFailing(connect: buildConnector.connector): buildConnector.connector {
  return (options, callback) =>
    connect(options, (...result) => {
      const [, socket] = result;
      if (socket) readBeforeFailing(socket);
      callback(...result);
    });
}

/** Connections that still deliver a reply that the server sent before it stopped reading. */
import type { Duplex } from 'node:stream';
import { buildConnector } from 'undici';

/** Buffered data is read at once; this only ends the wait if there is none. */
const GRACE = 1_000;

type Done = (error?: Error | null) => void;

/**
 * A server that refuses an upload early replies and closes while data is still being sent. Node destroys a socket at
 * the first write that fails, and with it the unread reply: a final refusal would look like a broken connection. So the
 * failure is reported late: by then undici has the reply, or has noticed that the server closed without one. A reply
 * that the network drops (when a reset overtakes it) is lost; that remains `SALESFORCE_REPLY_LOST`.
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

/** @param timeout milliseconds to establish a connection, including TLS */
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

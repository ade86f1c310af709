/** Connections that still deliver a reply that the server sent before it stopped reading, or closed. */
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

/** How often a connection whose end is held back is looked at, in milliseconds. */
const HOLD = 10;

/**
 * A server may close after a reply while undici, for a slow reader, holds the reply's last bytes: undici 7 then ends the
 * whole process (nodejs/undici#5360), or calls the reply cut off. So the end of the stream is passed on when undici has
 * taken everything before it.
 */
function endAfterReply(socket: Duplex): void {
  const push = socket.push.bind(socket);
  socket.push = (chunk: unknown, encoding?: BufferEncoding) => {
    if (chunk !== null || !isHeld(socket)) return push(chunk, encoding);
    const timer = setInterval(() => {
      if (!socket.destroyed && isHeld(socket)) return;
      clearInterval(timer);
      if (!socket.destroyed) {
        push(null);
        // As Node does, so that the end is noticed although nobody asks for more.
        socket.read(0);
      }
    }, HOLD);
    return false;
  };
}

/** Data waits in the socket, or in undici's parser. */
function isHeld(socket: Duplex): boolean {
  const parser = Object.getOwnPropertySymbols(socket).find(({ description }) => description === 'parser');
  const { paused } = (parser === undefined ? undefined : (socket as never)[parser]) ?? { paused: false };
  return paused === true || socket.readableLength > 0;
}

/** @param timeout milliseconds to establish a connection, including TLS */
export function connector(timeout: number): buildConnector.connector {
  return readsBeforeFailing(buildConnector({ timeout }));
}

export function readsBeforeFailing(connect: buildConnector.connector): buildConnector.connector {
  return (options, callback) =>
    connect(options, (...result) => {
      const [, socket] = result;
      if (socket) {
        readBeforeFailing(socket);
        endAfterReply(socket);
      }
      callback(...result);
    });
}

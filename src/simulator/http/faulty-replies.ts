/** Replies and uploads that fail on the wire. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FaultAction, ReplyInstead } from './faults.js';
import { Refusal, refusalReply, jsonReply, sendReply } from './http.js';
import type { Reply } from './http.js';

export function replyInstead(fault: ReplyInstead): Reply {
  const { status, errorCode, message = '', html, json, headers } = fault;
  const reply: Reply =
    html !== undefined
      ? { status, headers: { 'content-type': 'text/html' }, body: html }
      : json !== undefined
        ? jsonReply(status, json)
        : errorCode !== undefined
          ? refusalReply(new Refusal(status, errorCode, message))
          : { status };
  return { ...reply, headers: { ...reply.headers, ...headers } };
}

/** Reads this many bytes of an upload, or this fraction of it, and ends the connection. */
export async function resetUpload(request: IncomingMessage, size: number): Promise<void> {
  const stopAt = size < 1 ? size * Number(request.headers['content-length'] ?? 0) : size;
  let read = 0;
  request.on('data', (chunk: Buffer) => {
    read += chunk.length;
    if (read >= stopAt) request.socket.destroy();
  });
  request.on('error', () => undefined);
  await new Promise((done) => request.once('close', done));
}

/** Sends a reply with the fault. */
export async function sendBroken(response: ServerResponse, reply: Reply, action: FaultAction): Promise<void> {
  if (action === 'resetAfterApply') return void response.socket?.destroy();
  const body = await bytesOf(reply);
  const upTo = (size: number): Buffer => body.subarray(0, size < 1 ? Math.floor(size * body.length) : size);
  if (action === 'truncateJson') return sendReply(response, { ...reply, body: upTo(0.5) });
  if (typeof action !== 'object') return;
  if ('delayReply' in action) {
    await new Promise((done) => setTimeout(done, action.delayReply));
    await sendReply(response, { ...reply, body });
  } else if ('stallReply' in action) {
    response.writeHead(reply.status, { ...reply.headers, 'content-length': String(body.length) });
    response.flushHeaders();
    response.write(upTo(action.stallReply));
  } else if ('cutReply' in action) {
    const part = upTo(action.cutReply);
    if (action.framing === 'close') {
      // Without a length or chunks, the end of the connection is the end of the body.
      response.useChunkedEncodingByDefault = false;
      response.writeHead(reply.status, { ...reply.headers, connection: 'close' }).end(part);
      return;
    }
    const length = action.framing === 'chunked' ? {} : { 'content-length': String(body.length) };
    response.writeHead(reply.status, { ...reply.headers, ...length });
    response.flushHeaders();
    await new Promise((sent) => response.write(part, sent));
    response.socket?.destroy();
  }
}

async function bytesOf({ body }: Reply): Promise<Buffer> {
  if (body === undefined) return Buffer.alloc(0);
  if (typeof body === 'string') return Buffer.from(body);
  if (Buffer.isBuffer(body)) return body;
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

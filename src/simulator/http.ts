/** Replies in the platform's shapes. */
import type { IncomingMessage, ServerResponse } from 'node:http';

/** An error reply: a list of objects, as the platform sends it. */
export class Refusal extends Error {
  readonly status: number;
  readonly errorCode: string;

  constructor(status: number, errorCode: string, message: string) {
    super(message);
    this.status = status;
    this.errorCode = errorCode;
  }
}

export const notFound = (): Refusal => new Refusal(404, 'NOT_FOUND', 'The requested resource does not exist');

export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'content-type': 'application/json;charset=UTF-8',
    'content-length': String(Buffer.byteLength(text)),
  });
  response.end(text);
}

export function sendRefusal(response: ServerResponse, { status, errorCode, message }: Refusal): void {
  if (status === 401) response.setHeader('www-authenticate', 'Token');
  sendJson(response, status, [{ message, errorCode }]);
}

export async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

/** `2026-11-23T20:15:27.000+0000` */
export function dateTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}.000+0000`;
}

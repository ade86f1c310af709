/** Reads bodies of replies up to a limit: the server decides what it sends, not how much of it is kept. */
import type { Readable } from 'node:stream';

/** Real replies are far smaller: a page of a thousand jobs has half of it. */
export const MAX_REPLY = 1_000_000;

export class BodyTooLarge extends Error {
  readonly limit: number;

  constructor(limit: number) {
    super(`more than ${limit / 1e6} MB`);
    this.limit = limit;
  }
}

/**
 * The whole body, decoded. Anything beyond the limit is neither read nor unpacked, and the connection is closed.
 * @throws BodyTooLarge, and the errors of the body
 */
export async function readWhole(body: Readable, limit: number): Promise<string> {
  const { bytes, more } = await read(body, limit);
  if (more) throw new BodyTooLarge(limit);
  return bytes.toString('utf8');
}

/** The beginning of a body up to a limit; if the body breaks off, what came is returned. */
export async function readBeginning(body: Readable, limit: number): Promise<string> {
  const chunks: Buffer[] = [];
  await read(body, limit, chunks).catch(() => undefined);
  return Buffer.concat(chunks).subarray(0, limit).toString('utf8');
}

async function read(body: Readable, limit: number, chunks: Buffer[] = []): Promise<{ bytes: Buffer; more: boolean }> {
  let size = 0;
  // Leaving the loop destroys the body, and with it the decoders.
  for await (const chunk of body as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > limit) return { bytes: Buffer.alloc(0), more: true };
  }
  return { bytes: Buffer.concat(chunks), more: false };
}

/** Discards a body that is not needed. */
export function drop(body: Readable): undefined {
  body.on('error', () => undefined).destroy();
}

/** Bodies of replies, read only as far as they may reach: whoever answers decides what comes, not how much of it is kept. */
import type { Readable } from 'node:stream';

/** A reply that means something is far smaller: a page of a thousand jobs has half of it. */
export const MAX_REPLY = 1_000_000;

export class BodyTooLarge extends Error {
  readonly limit: number;

  constructor(limit: number) {
    super(`more than ${limit / 1e6} MB`);
    this.limit = limit;
  }
}

/**
 * The whole of a body, decoded. More than it may have is neither read nor unpacked, and the connection is let go of.
 * @throws BodyTooLarge, and what the body fails with
 */
export async function readWhole(body: Readable, limit: number): Promise<string> {
  const { bytes, more } = await read(body, limit);
  if (more) throw new BodyTooLarge(limit);
  return bytes.toString('utf8');
}

/** As much of a body as is wanted; one that breaks off still tells what came. */
export async function readBeginning(body: Readable, limit: number): Promise<string> {
  const chunks: Buffer[] = [];
  await read(body, limit, chunks).catch(() => undefined);
  return Buffer.concat(chunks).subarray(0, limit).toString('utf8');
}

async function read(body: Readable, limit: number, chunks: Buffer[] = []): Promise<{ bytes: Buffer; more: boolean }> {
  let size = 0;
  // Leaving the loop destroys the body, and with it what unpacks it.
  for await (const chunk of body as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > limit) return { bytes: Buffer.alloc(0), more: true };
  }
  return { bytes: Buffer.concat(chunks), more: false };
}

/** Lets go of a body that nobody will read. */
export function drop(body: Readable): undefined {
  body.on('error', () => undefined).destroy();
}

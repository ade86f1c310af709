/** The id of a load that nobody named: the same content for the same object and operation is the same load. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { BulkLoadInput } from './contract.js';
import { fingerprint } from './storage/files.js';
import { pathOfUri } from './storage/roots.js';

/** @throws NightloadError `INVALID_FILE_URI`, `SOURCE_NOT_FOUND` and its kin */
export async function deriveLoadId(
  input: Pick<BulkLoadInput, 'source' | 'object' | 'operation' | 'connection'>,
): Promise<string> {
  const path = pathOfUri(input.source);
  await fingerprint(path);
  const content = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) content.update(chunk as Buffer);
  const { connection = 'default', object, operation } = input;
  const identity = createHash('sha256').update(JSON.stringify([connection, object, operation, content.digest('hex')]));
  return `${object}-${operation}-${identity.digest('hex').slice(0, 16)}`;
}

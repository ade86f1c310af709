/** The default id of a load: the same content for the same object and operation is the same load. */
import { createHash } from 'node:crypto';
import type { BulkLoadInput } from '../contract/load-input.js';
import { scanRange } from '../storage/read-files.js';
import { fingerprint } from '../storage/fingerprint.js';
import { holding } from '../storage/file-ref.js';
import { resolvedFile } from '../storage/file-roots.js';

/** @throws NightloadError `INVALID_FILE_URI`, `SOURCE_NOT_FOUND` and similar */
export async function deriveLoadId(
  input: Pick<BulkLoadInput, 'source' | 'object' | 'operation' | 'connection'>,
): Promise<string> {
  const file = await resolvedFile(input.source);
  const { size, etag } = await fingerprint(file);
  const content = createHash('sha256');
  // A store knows by itself when the content changes.
  if (etag !== undefined) content.update(JSON.stringify([etag, size]));
  else
    await holding(file, async (held) => {
      for await (const chunk of scanRange(held, 0)) content.update(chunk);
    });
  const { connection = 'default', object, operation } = input;
  const identity = createHash('sha256').update(JSON.stringify([connection, object, operation, content.digest('hex')]));
  return `${object}-${operation}-${identity.digest('hex').slice(0, 16)}`;
}

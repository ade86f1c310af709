/** The default id of a load: the same content for the same object and operation is the same load. */
import { createHash } from 'node:crypto';
import type { Hash } from 'node:crypto';
import type { BulkLoadInput } from '../contract/load-input.js';
import { scanRange } from '../storage/read-files.js';
import { fingerprint } from '../storage/fingerprint.js';
import { holding } from '../storage/files/file-ref.js';
import type { ForeignFile } from '../storage/files/file-ref.js';
import { ANYWHERE } from '../storage/files/resolved-file.js';
import { NightloadError } from '../errors.js';
import { basename } from '../storage/locations.js';
import { sourceFiles } from '../storage/source-files.js';

type Identified = Pick<BulkLoadInput, 'source' | 'object' | 'operation' | 'connection'>;

/** @throws NightloadError `INVALID_FILE_URI`, `SOURCE_NOT_FOUND`, `STORE_…` and similar */
export async function deriveLoadId(input: Identified): Promise<string> {
  try {
    return await derived(input);
  } catch (error) {
    throw error instanceof NightloadError && error.code.startsWith('STORE_') ? notStarted(error) : error;
  }
}

/** Its text is about a worker, and a load that waits. */
function notStarted({ code, message }: NightloadError): NightloadError {
  const what = message.replace('The worker has', 'It has').replace(/\. .*$/su, '.');
  return new NightloadError(
    code,
    `Nothing was started: the id of the load is derived from its source, which this program could not read. ${what} ` +
      'Try again, give this program the AWS settings of the worker, or name the load (--id, "loadId").',
  );
}

async function derived(input: Identified): Promise<string> {
  const { files, isMany } = await sourceFiles(ANYWHERE, input.source);
  const content = createHash('sha256');
  for (const file of files) {
    const { size, etag } = await fingerprint(file);
    // Between the contents of several files.
    if (isMany) content.update(JSON.stringify([basename(file.path), size]));
    // A store itself says when the content changes.
    if (etag === undefined) await addContent(file, content);
    else content.update(JSON.stringify([etag, size]));
  }
  const { connection = 'default', object, operation } = input;
  const identity = createHash('sha256').update(JSON.stringify([connection, object, operation, content.digest('hex')]));
  return `${object}-${operation}-${identity.digest('hex').slice(0, 16)}`;
}

async function addContent(file: ForeignFile, to: Hash): Promise<void> {
  await holding(file, async (held) => {
    for await (const chunk of scanRange(held, 0)) to.update(chunk);
  });
}

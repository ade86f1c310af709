import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { connectTo, failure, JOB, startOrg, watch } from '../../../helpers/salesforce.js';

const CSV = `"sf__Id","sf__Error",Name\n${'"","UNABLE_TO_LOCK_ROW:x:--","añejo"\n'.repeat(5000)}`;
const ENCODED: [encoding: string, encode: (content: string) => Buffer][] = [
  ['gzip', gzipSync],
  ['X-GZIP', gzipSync],
  ['deflate', deflateSync],
  ['br', brotliCompressSync],
  ['deflate, gzip', (content) => gzipSync(deflateSync(content))],
  ['identity', (content) => Buffer.from(content)],
];

/** Replies to every request with these bytes; after `sent` of them, the connection breaks. */
async function orgSending(
  status: number,
  encoding: string,
  body: Buffer,
  sent = body.length,
): Promise<{ url: string }> {
  return startOrg((request, response) => {
    response.writeHead(status, { 'content-encoding': encoding, 'content-length': body.length });
    response.write(body.subarray(0, sent), () => {
      if (sent === body.length) response.end();
      else setTimeout(() => request.socket.destroy(), 20);
    });
  });
}

describe('a reply that is compressed against the request', () => {
  it.each(ENCODED)('%s: result files and JSON are decoded', async (encoding, encode) => {
    const file = encode(CSV);
    const { stream, contentLength } = await connectTo(await orgSending(200, encoding, file)).openResult(
      JOB,
      'failedResults',
      watch(),
    );
    expect(await text(stream)).toBe(CSV);
    // The length of the compressed bytes is not that of the file.
    expect(contentLength).toBe(encoding === 'identity' ? file.length : undefined);

    const org = await orgSending(200, encoding, encode(JSON.stringify({ id: JOB, state: 'Open' })));
    expect(await connectTo(org).getJob(JOB, watch())).toEqual({ id: JOB, state: 'Open' });
  });

  it('still shows the reason of a refusal', async () => {
    const org = await orgSending(400, 'gzip', gzipSync('[{"errorCode":"INVALIDJOBSTATE","message":"no"}]'));
    expect(await failure(connectTo(org).closeJob(JOB, watch()))).toMatchObject({ code: 'INVALID_JOB_STATE' });
  });

  it('is lost if the connection breaks or the data ends too early', async () => {
    const file = gzipSync(CSV);
    const half = file.subarray(0, file.length / 2);
    for (const org of [await orgSending(200, 'gzip', file, 100), await orgSending(200, 'gzip', half)]) {
      const { stream } = await connectTo(org).openResult(JOB, 'failedResults', watch());
      expect(await failure(text(stream))).toMatchObject({ code: 'SALESFORCE_REPLY_LOST', retryable: true });
    }
    const json = await orgSending(200, 'gzip', gzipSync('{"id":"1"}').subarray(0, 15));
    expect(await failure(connectTo(json).getJob(JOB, watch()))).toMatchObject({ code: 'SALESFORCE_REPLY_LOST' });
  });

  it('is invalid if the encoding is unknown', async () => {
    const connection = connectTo(await orgSending(200, 'zstd', Buffer.from('(µ/ý')));
    const expected = { code: 'SALESFORCE_UNEXPECTED_REPLY', retryable: true, detail: 'zstd' };
    expect(await failure(connection.openResult(JOB, 'failedResults', watch()))).toMatchObject(expected);
    expect(await failure(connection.getJob(JOB, watch()))).toMatchObject(expected);
    const refusing = connectTo(await orgSending(403, 'zstd', Buffer.from('(µ/ý')));
    expect(await failure(refusing.getJob(JOB, watch()))).toMatchObject({ code: 'SALESFORCE_HTTP_403' });
  });

  it('closes the connection when the reader stops', async () => {
    let closed = (): void => undefined;
    const gone = new Promise<void>((resolve) => (closed = resolve));
    const org = await startOrg((_request, response) => {
      response.on('close', closed).writeHead(200, { 'content-encoding': 'gzip' });
      response.write(gzipSync(CSV).subarray(0, 200));
    });
    const { stream } = await connectTo(org).openResult(JOB, 'failedResults', watch());
    stream.destroy();
    await gone;
  });
});

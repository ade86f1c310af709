/**
 * A strict stand-in for S3 that keeps objects in memory: ranges, versions, conditional writes, multipart uploads, lists and
 * copies, as far as nightload uses them. It answers anything else with 501. The long suite runs the same tests against
 * versitygw.
 */
import { createHash, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { crc32 } from 'node:zlib';

interface StoredObject {
  bytes: Buffer;
  etag: string;
  modified: Date;
}

interface Upload {
  key: string;
  parts: Map<number, StoredObject>;
}

/** What a request is about to do, before it is done. */
interface SeenRequest {
  method: string;
  key: string;
  query: URLSearchParams;
  headers: IncomingMessage['headers'];
}

/** An answer in place of the store's own: an error, or a body that breaks off after some bytes. */
type Fault = { status: number; code: string } | { breakAfter: number } | undefined;

export interface S3Server {
  url: string;
  objects: Map<string, StoredObject>;
  uploads: Map<string, Upload>;
  requests: SeenRequest[];
  /** Asked for each request. */
  fault: (request: SeenRequest) => Fault | Promise<Fault>;
  /** The store behaves as one that ignores conditions of writes. */
  ignoresConditions: boolean;
  put(key: string, content: string | Buffer): void;
  text(key: string): string;
  /** Sets the environment of this process, for the SDK's own settings. */
  settings: Record<string, string>;
  close(): Promise<void>;
}

const BUCKET = 'bucket';
const ACCESS_KEY = 'TESTKEY';
const MIN_PART = 5 * 1024 * 1024;
const PAGE = 1_000;

class S3Error extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string) {
    super(code);
    this.status = status;
    this.code = code;
  }
}

export async function startS3Server(): Promise<S3Server> {
  const objects = new Map<string, StoredObject>();
  const uploads = new Map<string, Upload>();
  const server = createServer((request, response) => {
    void answer(world, request, response).catch((error: unknown) => fail(response, request, error));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const world: S3Server = {
    ...{ url, objects, uploads },
    requests: [],
    fault: () => undefined,
    ignoresConditions: false,
    put: (key, content) => void objects.set(key, stored(Buffer.from(content))),
    text: (key) => objects.get(key)?.bytes.toString() ?? '',
    settings: {
      AWS_ENDPOINT_URL_S3: url,
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: ACCESS_KEY,
      AWS_SECRET_ACCESS_KEY: 'secret',
      NIGHTLOAD_S3_FORCE_PATH_STYLE: '1',
      // The SDK's word about coming versions of Node, once in each process.
      AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
      NIGHTLOAD_S3_ROOTS: `s3://${BUCKET}/`,
    },
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
  return world;
}

function stored(bytes: Buffer, etag = createHash('md5').update(bytes).digest('hex')): StoredObject {
  return { bytes, etag: `"${etag}"`, modified: new Date(Math.floor(Date.now() / 1000) * 1000) };
}

async function answer(world: S3Server, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', world.url);
  const [, bucket, key] = /^\/([^/]+)\/?(.*)$/s.exec(url.pathname) ?? [];
  const seen = {
    method: request.method ?? '',
    key: decodeURIComponent(key ?? ''),
    query: url.searchParams,
    headers: request.headers,
  };
  world.requests.push(seen);
  if (!(request.headers.authorization ?? '').includes(`Credential=${ACCESS_KEY}/`)) {
    throw new S3Error(403, request.headers.authorization === undefined ? 'AccessDenied' : 'InvalidAccessKeyId');
  }
  const body = await bodyOf(request);
  const fault = await world.fault(seen);
  if (fault !== undefined && 'status' in fault) throw new S3Error(fault.status, fault.code);
  if (bucket !== BUCKET) throw new S3Error(404, 'NoSuchBucket');
  if (seen.key === '') return ofBucket(world, seen, response);
  const { method, query } = seen;
  if (query.has('uploads') || query.has('uploadId')) return ofUpload(world, seen, body, response);
  if (method === 'PUT') return putObject(world, seen, body, response);
  if (method === 'DELETE') {
    world.objects.delete(seen.key);
    return send(response, 204);
  }
  if (method === 'GET' || method === 'HEAD') return getObject(world, seen, response, fault?.breakAfter);
  throw new S3Error(501, 'NotImplemented');
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  const { 'x-amz-checksum-crc32': sum, 'content-encoding': encoding } = request.headers;
  if (encoding === 'aws-chunked') throw new S3Error(501, 'NotImplemented');
  if (typeof sum === 'string') {
    const found = Buffer.alloc(4);
    found.writeUInt32BE(crc32(bytes));
    if (found.toString('base64') !== sum) throw new S3Error(400, 'BadDigest');
  }
  return bytes;
}

function putObject(world: S3Server, { key, headers }: SeenRequest, body: Buffer, response: ServerResponse): void {
  const source = headers['x-amz-copy-source'];
  if (typeof source === 'string') {
    const from = world.objects.get(decodeURIComponent(source).slice(BUCKET.length + 1));
    if (from === undefined) throw new S3Error(404, 'NoSuchKey');
    const wanted = headers['x-amz-copy-source-if-match'];
    if (wanted !== undefined && wanted !== from.etag) throw new S3Error(412, 'PreconditionFailed');
    world.objects.set(key, stored(from.bytes));
    return xml(response, `<CopyObjectResult><ETag>${from.etag}</ETag></CopyObjectResult>`);
  }
  requireConditions(world, key, headers);
  const made = stored(body);
  world.objects.set(key, made);
  send(response, 200, { ETag: made.etag });
}

function requireConditions(world: S3Server, key: string, headers: IncomingMessage['headers']): void {
  if (world.ignoresConditions) return;
  const there = world.objects.get(key);
  if (headers['if-none-match'] === '*' && there !== undefined) throw new S3Error(412, 'PreconditionFailed');
  const wanted = headers['if-match'];
  if (wanted === undefined) return;
  if (there === undefined) throw new S3Error(404, 'NoSuchKey');
  if (wanted !== there.etag) throw new S3Error(412, 'PreconditionFailed');
}

function getObject(
  { objects }: S3Server,
  { method, key, headers }: SeenRequest,
  response: ServerResponse,
  breakAfter: number | undefined,
): void {
  const found = objects.get(key);
  if (found === undefined) throw new S3Error(404, 'NoSuchKey');
  if (headers['if-match'] !== undefined && headers['if-match'] !== found.etag)
    throw new S3Error(412, 'PreconditionFailed');
  const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '') ?? [];
  const isRange = from !== undefined;
  if (isRange && Number(from) >= found.bytes.length) throw new S3Error(416, 'InvalidRange');
  const bytes = isRange ? found.bytes.subarray(Number(from), Number(to) + 1) : found.bytes;
  response.writeHead(isRange ? 206 : 200, {
    'Content-Length': bytes.length,
    ETag: found.etag,
    'Last-Modified': found.modified.toUTCString(),
  });
  if (method === 'HEAD') response.end();
  else if (breakAfter === undefined) response.end(bytes);
  else response.write(bytes.subarray(0, breakAfter), () => setTimeout(() => response.destroy(), 20));
}

function ofBucket(world: S3Server, { method, query }: SeenRequest, response: ServerResponse): void {
  if (method === 'HEAD') return send(response, 200);
  if (method !== 'GET') throw new S3Error(501, 'NotImplemented');
  const prefix = query.get('prefix') ?? '';
  if (query.has('uploads')) {
    const open = [...world.uploads].filter(([, { key }]) => key.startsWith(prefix));
    const list = open.map(([id, { key }]) => `<Upload><Key>${escaped(key)}</Key><UploadId>${id}</UploadId></Upload>`);
    return xml(response, `<ListMultipartUploadsResult>${list.join('')}</ListMultipartUploadsResult>`);
  }
  if (query.get('list-type') !== '2') throw new S3Error(501, 'NotImplemented');
  const after = query.get('continuation-token') ?? '';
  const delimiter = query.get('delimiter');
  const names = new Set<string>();
  for (const key of world.objects.keys()) {
    if (!key.startsWith(prefix)) continue;
    const end = delimiter === null ? -1 : key.indexOf(delimiter, prefix.length);
    names.add(end === -1 ? key : key.slice(0, end + 1));
  }
  const left = [...names].sort().filter((name) => name > after);
  const page = left.slice(0, PAGE);
  const entries = page.map((name) => {
    const object = world.objects.get(name);
    if (object === undefined) return `<CommonPrefixes><Prefix>${escaped(name)}</Prefix></CommonPrefixes>`;
    const { etag, bytes, modified } = object;
    return `<Contents><Key>${escaped(name)}</Key><Size>${bytes.length}</Size><ETag>${escaped(etag)}</ETag><LastModified>${modified.toISOString()}</LastModified></Contents>`;
  });
  const isCut = left.length > PAGE;
  const next = isCut ? `<NextContinuationToken>${escaped(page.at(-1) ?? '')}</NextContinuationToken>` : '';
  xml(response, `<ListBucketResult><IsTruncated>${isCut}</IsTruncated>${next}${entries.join('')}</ListBucketResult>`);
}

function ofUpload(world: S3Server, { method, key, query }: SeenRequest, body: Buffer, response: ServerResponse): void {
  if (method === 'POST' && query.has('uploads')) {
    const id = randomUUID();
    world.uploads.set(id, { key, parts: new Map() });
    return xml(response, `<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`);
  }
  const id = query.get('uploadId') ?? '';
  const upload = world.uploads.get(id);
  if (upload?.key !== key) throw new S3Error(404, 'NoSuchUpload');
  if (method === 'DELETE') {
    world.uploads.delete(id);
    return send(response, 204);
  }
  if (method === 'PUT') {
    const part = stored(body);
    upload.parts.set(Number(query.get('partNumber')), part);
    return send(response, 200, { ETag: part.etag });
  }
  if (method !== 'POST') throw new S3Error(501, 'NotImplemented');
  const named = [...body.toString().matchAll(/<PartNumber>(\d+)<\/PartNumber>/g)].map(([, number]) => Number(number));
  const parts = named.map((number) => upload.parts.get(number));
  if (parts.some((part, n) => part === undefined || (n < parts.length - 1 && part.bytes.length < MIN_PART))) {
    throw new S3Error(400, 'InvalidPart');
  }
  const bytes = Buffer.concat(parts.map((part) => (part as StoredObject).bytes));
  const made = stored(bytes, `${createHash('md5').update(bytes).digest('hex')}-${parts.length}`);
  world.objects.set(key, made);
  world.uploads.delete(id);
  xml(response, `<CompleteMultipartUploadResult><ETag>${escaped(made.etag)}</ETag></CompleteMultipartUploadResult>`);
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

function xml(response: ServerResponse, text: string): void {
  response.writeHead(200, { 'Content-Type': 'application/xml' });
  response.end(`<?xml version="1.0" encoding="UTF-8"?>${text}`);
}

function send(response: ServerResponse, status: number, headers: Record<string, string> = {}): void {
  response.writeHead(status, headers);
  response.end();
}

function fail(response: ServerResponse, { method }: IncomingMessage, error: unknown): void {
  const { status, code } = error instanceof S3Error ? error : { status: 500, code: 'InternalError' };
  if (response.headersSent) return void response.destroy();
  response.writeHead(status, { 'Content-Type': 'application/xml' });
  response.end(
    method === 'HEAD' ? undefined : `<Error><Code>${code}</Code><Message>${String(error)}</Message></Error>`,
  );
}

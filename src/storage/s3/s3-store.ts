/** Amazon S3 and compatible stores, with the standard settings of the AWS SDK. */
import { setTimeout as pause } from 'node:timers/promises';
import {
  AbortMultipartUploadCommand,
  CopyObjectCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import type { ListObjectsV2CommandOutput } from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { Readable } from 'node:stream';
import { NightloadError } from '../../errors.js';
import type { ByteRange, ObjectEntry, ObjectStore, ObjectVersion, WriteCondition } from '../objects/object-store.js';
import { requestHandler } from './request-handler.js';
import { isConditionNotMet, isConflict, isMissingObject, objectChanged, s3Error, statusOf } from './s3-errors.js';

/** S3 permits 10,000 parts of an upload, so 120 GB. Two of them are in memory. */
const PART_BYTES = 12_000_000;
const PARTS_AT_A_TIME = 2;
/** Larger objects cannot be copied with one request. */
const MAX_COPY_BYTES = 5_000_000_000;
const MAX_CONFLICTS = 5;
const CONFLICT_WAIT_MS = 200;
const MAX_PAGES = 100_000;

/** Reads the settings when the first request is sent. */
export function openS3(env: NodeJS.ProcessEnv): ObjectStore {
  return new S3Store(
    new S3Client({
      forcePathStyle: env['NIGHTLOAD_S3_FORCE_PATH_STYLE'] === '1',
      requestHandler: requestHandler(),
      // undici does not wait for a permission to send.
      expectContinueHeader: false,
    }),
  );
}

class S3Store implements ObjectStore {
  readonly #client: S3Client;
  /** The reply to HEAD does not show whether the object or its bucket is missing. */
  readonly #knownBuckets = new Set<string>();
  /** Buckets whose store was seen to refuse a write that must not replace an object. */
  readonly #bucketsWithConditions = new Set<string>();

  constructor(client: S3Client) {
    this.#client = client;
  }

  async find(location: string, signal?: AbortSignal): Promise<ObjectVersion | undefined> {
    const object = bucketAndKey(location);
    if (object.Key === '') return undefined;
    try {
      const found = await this.#client.send(new HeadObjectCommand(object), abortedBy(signal));
      this.#knownBuckets.add(object.Bucket);
      return versionOf(found.ContentLength, found.LastModified, found.ETag);
    } catch (error) {
      signal?.throwIfAborted();
      if (!isMissingObject(error)) throw s3Error(error, location);
      await this.#requireBucket(location);
      return undefined;
    }
  }

  async #requireBucket(location: string): Promise<void> {
    const { Bucket } = bucketAndKey(location);
    if (this.#knownBuckets.has(Bucket)) return;
    try {
      await this.#client.send(new HeadBucketCommand({ Bucket }));
    } catch (error) {
      if (statusOf(error) === 404) throw s3Error({ name: 'NoSuchBucket' }, location);
      // Without the permission to list, the bucket exists; anything else shows in the next request.
    }
    this.#knownBuckets.add(Bucket);
  }

  async *read(
    location: string,
    { etag }: ObjectVersion,
    { start, end }: ByteRange,
    signal?: AbortSignal,
  ): AsyncGenerator<Uint8Array> {
    const request = new GetObjectCommand({
      ...bucketAndKey(location),
      IfMatch: etag,
      Range: `bytes=${start}-${end - 1}`,
    });
    const reply = await this.#client.send(request, abortedBy(signal)).catch((error: unknown) => {
      signal?.throwIfAborted();
      if (isConditionNotMet(error) || isMissingObject(error)) throw objectChanged(location, error);
      throw s3Error(error, location);
    });
    if (reply.ContentLength !== end - start) {
      (reply.Body as Readable | undefined)?.destroy();
      throw new NightloadError(
        'STORE_NOT_SUPPORTED',
        'The store does not support byte-range requests, which nightload needs. Use another store.',
        { retryable: true },
      );
    }
    yield* reply.Body as Readable as AsyncIterable<Uint8Array>;
  }

  async write(location: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    // The input's own error says more than what the upload makes of it.
    let failed: unknown;
    const input = async function* (): AsyncGenerator<Uint8Array> {
      try {
        yield* chunks;
      } catch (error) {
        failed = error;
        throw error;
      }
    };
    const Body = Readable.from(input(), { highWaterMark: 1 });
    const upload = new Upload({
      client: this.#client,
      params: { ...bucketAndKey(location), Body },
      partSize: PART_BYTES,
      queueSize: PARTS_AT_A_TIME,
    });
    try {
      await upload.done();
    } catch (error) {
      throw failed ?? s3Error(error, location);
    }
  }

  async put(location: string, bytes: Uint8Array, condition?: WriteCondition): Promise<boolean> {
    const isDone = await this.#putIf(condition, location, bytes);
    const { Bucket } = bucketAndKey(location);
    if (!isDone || condition !== 'absent' || this.#bucketsWithConditions.has(Bucket)) return isDone;
    // A store that ignores the condition would let two workers send one part.
    if (await this.#putIf('absent', location, bytes)) {
      throw new NightloadError(
        'STORE_NOT_SUPPORTED',
        `The store of the bucket ${Bucket} ignores "If-None-Match: *", so two workers could send the same rows. Use a store ` +
          'with conditional writes: docs/storage.md.',
      );
    }
    this.#bucketsWithConditions.add(Bucket);
    return true;
  }

  /** @returns false if the condition is not met */
  async #putIf(condition: WriteCondition | undefined, location: string, bytes: Uint8Array): Promise<boolean> {
    const preconditions = preconditionsFor(condition);
    for (let conflicts = 0; ; conflicts++) {
      try {
        await this.#client.send(new PutObjectCommand({ ...bucketAndKey(location), Body: bytes, ...preconditions }));
        return true;
      } catch (error) {
        if (condition !== undefined && isConditionNotMet(error)) return false;
        if (typeof condition === 'object' && isMissingObject(error)) return false;
        if (!isConflict(error) || conflicts === MAX_CONFLICTS) throw s3Error(error, location);
        await pause(CONFLICT_WAIT_MS);
      }
    }
  }

  async *list(folder: string, signal?: AbortSignal): AsyncGenerator<ObjectEntry> {
    const { Bucket, Key } = bucketAndKey(folder);
    const Prefix = Key === '' ? '' : `${Key}/`;
    let ContinuationToken: string | undefined;
    for (let page = 0; page < MAX_PAGES; page++) {
      const found: ListObjectsV2CommandOutput = await this.#client
        .send(
          new ListObjectsV2Command({ Bucket, Prefix, Delimiter: '/', ...(ContinuationToken && { ContinuationToken }) }),
          abortedBy(signal),
        )
        .catch((error: unknown) => {
          signal?.throwIfAborted();
          throw s3Error(error, folder);
        });
      const folders = (found.CommonPrefixes ?? []).map(({ Prefix: name = '' }) => ({
        name: name.slice(Prefix.length, -1),
        isFolder: true,
      }));
      const objects = (found.Contents ?? []).map(({ Key: name = '', Size, LastModified, ETag }) => ({
        name: name.slice(Prefix.length),
        isFolder: false,
        version: versionOf(Size, LastModified, ETag),
      }));
      // An object that stands for the folder itself has no name in it.
      const named = [...folders, ...objects].filter(({ name }) => name !== '');
      yield* named.sort((one, other) => (one.name < other.name ? -1 : 1));
      ContinuationToken = found.NextContinuationToken;
      if (found.IsTruncated !== true || ContinuationToken === undefined) return;
    }
  }

  async copy(from: string, to: string): Promise<void> {
    const version = await this.find(from);
    if (version === undefined) throw objectChanged(from, undefined);
    if (version.size > MAX_COPY_BYTES) {
      await this.write(to, this.read(from, version, { start: 0, end: version.size }));
      return;
    }
    const { Bucket, Key } = bucketAndKey(from);
    const CopySource = `${Bucket}/${Key.split('/').map(encodeURIComponent).join('/')}`;
    try {
      await this.#client.send(
        new CopyObjectCommand({ ...bucketAndKey(to), CopySource, CopySourceIfMatch: version.etag }),
      );
    } catch (error) {
      throw s3Error(error, from);
    }
  }

  async remove(location: string): Promise<void> {
    try {
      await this.#client.send(new DeleteObjectCommand(bucketAndKey(location)));
    } catch (error) {
      if (!isMissingObject(error)) throw s3Error(error, location);
    }
  }

  async removeUnfinished(folder: string): Promise<void> {
    const { Bucket, Key } = bucketAndKey(folder);
    try {
      const { Uploads = [] } = await this.#client.send(
        new ListMultipartUploadsCommand({ Bucket, Prefix: `${Key}/`, MaxUploads: 1_000 }),
      );
      for (const { Key: name, UploadId } of Uploads) {
        await this.#client.send(new AbortMultipartUploadCommand({ Bucket, Key: name, UploadId }));
      }
    } catch {
      // It costs space, not correctness: docs/storage.md recommends a rule of the bucket for what is left.
    }
  }
}

function bucketAndKey(location: string): { Bucket: string; Key: string } {
  const [, Bucket = '', Key = ''] = /^s3:\/\/([^/]+)(?:\/(.*))?$/s.exec(location) ?? [];
  return { Bucket, Key };
}

function preconditionsFor(condition: WriteCondition | undefined): { IfNoneMatch?: '*'; IfMatch?: string } {
  if (condition === undefined) return {};
  return condition === 'absent' ? { IfNoneMatch: '*' } : { IfMatch: condition.etag };
}

function versionOf(size = 0, modified: Date | undefined, etag = ''): ObjectVersion {
  return { size, modifiedMs: modified?.getTime() ?? 0, etag };
}

function abortedBy(signal: AbortSignal | undefined): { abortSignal?: AbortSignal } {
  return signal === undefined ? {} : { abortSignal: signal };
}

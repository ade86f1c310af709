/**
 * What nightload needs of an object store. S3 implements it; Google Cloud Storage or Azure Blob Storage could:
 * docs/storage.md shows how. Locations are URIs such as `s3://bucket/night/accounts.csv`; folders are prefixes.
 */

/** One version of an object: what is read later must be the same bytes. */
export interface ObjectVersion {
  /** Bytes. */
  size: number;
  /** Milliseconds since 1970. */
  modifiedMs: number;
  /** Changes whenever the content changes. */
  etag: string;
}

/** A name below a prefix, up to the next slash. */
export interface ObjectEntry {
  name: string;
  /** Objects lie below it. */
  isFolder: boolean;
  /** Of an object. */
  version?: ObjectVersion;
}

/** Bytes of an object: the last one is not included. */
export interface ByteRange {
  start: number;
  end: number;
}

/** Condition of a write: the object must not exist yet, or must still be this version. */
export type WriteCondition = 'absent' | { etag: string };

/**
 * Errors that people can act on are {@link NightloadError}s: `STORE_ACCESS_DENIED`, `STORE_UNAVAILABLE` and others of
 * docs/errors.md. A method that is not told otherwise repeats what a store refuses for a moment.
 */
export interface ObjectStore {
  /** @returns undefined if there is no such object */
  find(location: string, signal?: AbortSignal): Promise<ObjectVersion | undefined>;

  /**
   * Reads a range of exactly this version, which contains the range.
   * @throws NightloadError `SOURCE_CHANGED` if it is another version or gone; any other error means that the rest of
   *   the range may be requested again
   */
  read(location: string, version: ObjectVersion, range: ByteRange, signal?: AbortSignal): AsyncIterable<Uint8Array>;

  /**
   * Writes an object of any size, which appears complete or not at all and replaces an existing one. If the input fails,
   * nothing is left behind.
   */
  write(location: string, chunks: AsyncIterable<Uint8Array>): Promise<void>;

  /**
   * Writes a small object in one request. With a condition, of all writers that compete only one succeeds.
   * @returns false if the condition is not met
   */
  put(location: string, bytes: Uint8Array, condition?: WriteCondition): Promise<boolean>;

  /** Names directly below a folder, ordered by their bytes. The location ends without a slash. */
  list(folder: string, signal?: AbortSignal): AsyncIterable<ObjectEntry>;

  /** Copies within the store. */
  copy(from: string, to: string): Promise<void>;

  /** Does nothing if it does not exist. */
  remove(location: string): Promise<void>;

  /** Removes what interrupted writes below a folder left behind, such as parts of uploads. */
  removeUnfinished(folder: string): Promise<void>;
}

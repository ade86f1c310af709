/** Node's own file stream over a handle that another module opens, so that the path is not resolved again. */
import { createReadStream } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import type { Readable } from 'node:stream';

/** A handle, and how its reader releases it. */
export interface OpenFile {
  handle: FileHandle;
  close: () => Promise<void>;
}

export interface StreamOptions {
  start: number;
  /** The last byte. */
  end?: number;
  highWaterMark: number;
  signal?: AbortSignal;
}

type Done<T = never> = (error: Error | null, ...values: T[]) => void;

/** @param open called once, when the stream begins */
export function streamFrom(open: () => Promise<OpenFile>, options: StreamOptions): Readable {
  let file: OpenFile | undefined;
  const fs = {
    open(_path: string, _flags: string, _mode: number, done: Done<number>): void {
      open().then((opened) => {
        file = opened;
        done(null, opened.handle.fd);
      }, done);
    },
    // Reads through the handle, not its number, so that it is not closed during a read.
    read(_fd: number, buffer: Buffer, offset: number, length: number, at: number, done: Done<number | Buffer>): void {
      (file as OpenFile).handle
        .read(buffer, offset, length, at)
        .then(({ bytesRead }) => done(null, bytesRead, buffer), done);
    },
    close(_fd: number, done: Done): void {
      (file as OpenFile).close().then(() => done(null), done);
    },
  };
  // The path is only used in Node's errors; ours name the file.
  return createReadStream('file', { ...options, fs: fs as unknown as NonNullable<Overrides> });
}
type Overrides = Exclude<Parameters<typeof createReadStream>[1], string | undefined>['fs'];

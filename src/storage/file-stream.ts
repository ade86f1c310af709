/** Node's own stream of a file, over a handle that somebody else opens: what a path leads to is not asked again. */
import { createReadStream } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import type { Readable } from 'node:stream';

/** A handle, and what its reader does when it has enough. */
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
    // By the handle, not by its number: it is not closed under a read.
    read(_fd: number, buffer: Buffer, offset: number, length: number, at: number, done: Done<number | Buffer>): void {
      (file as OpenFile).handle
        .read(buffer, offset, length, at)
        .then(({ bytesRead }) => done(null, bytesRead, buffer), done);
    },
    close(_fd: number, done: Done): void {
      (file as OpenFile).close().then(() => done(null), done);
    },
  };
  // Its path is only a word in errors, and ours name the file.
  return createReadStream('file', { ...options, fs: fs as unknown as NonNullable<Overrides> });
}
type Overrides = Exclude<Parameters<typeof createReadStream>[1], string | undefined>['fs'];

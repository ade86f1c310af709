/**
 * Converts a source in any supported encoding, packed or not, to UTF-8 without a byte order mark. Nothing is replaced:
 * bytes that are invalid in the encoding end the stream with an error.
 */
import { pipeline, Readable, Transform } from 'node:stream';
import { encodingOf, encodingUnknown } from './encodings.js';
import { markLength } from './recognise-encoding.js';
import type { Encoding } from './encodings.js';
import { unpacked } from './unpack.js';
import { decoderFor, HEAD_BYTES, NOTHING } from './decoders.js';
import type { Decoder } from './decoders.js';

/**
 * Offsets in errors refer to the unpacked text. Destroying either stream destroys the other.
 * @param options.encoding a name that {@link encodingOf} knows
 * @param options.maxUnpackedBytes maximum size of the unpacked text
 * @throws NightloadError `ENCODING_UNKNOWN`; as stream errors `CSV_NOT_DECODABLE`, `SOURCE_GZIP_INVALID`,
 *   `SOURCE_GZIP_TRUNCATED`, `UNPACKED_TOO_LARGE`
 */
export function decodeStream(
  source: Readable,
  options: { encoding: string; gzip: boolean; maxUnpackedBytes?: number },
): Readable {
  const encoding = encodingOf(options.encoding);
  if (encoding === undefined) {
    source.destroy();
    throw encodingUnknown(options.encoding);
  }
  const decoded = decoding(encoding);
  const { gzip, maxUnpackedBytes = Infinity } = options;
  const bytes = gzip ? Readable.from(unpacked(source, maxUnpackedBytes), { objectMode: false }) : source;
  // A source that waits for bytes would block unpacking and its own end.
  decoded.once('close', () => source.destroy());
  pipeline(bytes, decoded, () => {
    // The reader gets the error from the stream.
  });
  return decoded;
}

function decoding(encoding: Encoding): Transform {
  let head: Buffer[] = [];
  let size = 0;
  let decoder: Decoder | undefined;

  /** Holds bytes back until there are enough to detect the format. */
  function take(chunk: Buffer, last: boolean): Buffer {
    if (decoder !== undefined) return decoder.push(chunk);
    head.push(chunk);
    size += chunk.length;
    if (size < HEAD_BYTES && !last) return NOTHING;
    const bytes = Buffer.concat(head);
    head = [];
    const skip = markLength(bytes, encoding);
    decoder = decoderFor(encoding, bytes, skip);
    return decoder.push(bytes.subarray(skip));
  }

  function answer(work: () => Buffer, done: (error: Error | null, data?: Buffer) => void): void {
    let bytes: Buffer;
    try {
      bytes = work();
    } catch (error) {
      done(error as Error);
      return;
    }
    if (bytes.length === 0) done(null);
    else done(null, bytes);
  }

  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      answer(() => take(chunk, false), done);
    },
    flush(done) {
      answer(() => {
        const bytes = take(NOTHING, true);
        return Buffer.concat([bytes, decoder?.finish() ?? NOTHING]);
      }, done);
    },
  });
}

/**
 * Splits long work into slices: a worker serves many loads on one thread, which their heartbeats need too. Work whose
 * length depends on people's files is interrupted, so that one file does not stop the other loads.
 */
import { setImmediate } from 'node:timers/promises';

/** Maximum milliseconds of work without a break. */
const MAX_SLICE = 20;

/** Bytes to process before the clock is checked: a row may have two of these. */
const PIECE = 16 * 1024;

export class TimeSlice {
  #end = performance.now() + MAX_SLICE;

  /** Call after other work has just run. */
  begin(): void {
    this.#end = performance.now() + MAX_SLICE;
  }

  /** Whether it is time for {@link next}. */
  get isOver(): boolean {
    return performance.now() > this.#end;
  }

  /** Lets all other waiting work run. */
  async next(): Promise<void> {
    await setImmediate();
    this.begin();
  }
}

/** Splits a chunk into pieces that share its memory. */
function* inPieces(chunk: Uint8Array): Generator<Buffer> {
  const { buffer, byteOffset, length } = chunk;
  for (let at = 0; at < length; at += PIECE) {
    yield Buffer.from(buffer, byteOffset + at, Math.min(PIECE, length - at));
  }
}

/**
 * Splits chunks into pieces, with breaks between them if the work on them takes long, including the consumer's work:
 * the time counts from one break to the next.
 */
export async function* inSlices(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  const slice = new TimeSlice();
  for await (const chunk of chunks) {
    // The chunk came from a disk or a network, so other work ran meanwhile.
    slice.begin();
    for (const piece of inPieces(chunk)) {
      yield piece;
      if (slice.isOver) await slice.next();
    }
  }
}

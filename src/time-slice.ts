/**
 * Long work in slices: a worker serves many loads on one thread, and their heartbeats need that thread too. What other
 * people's bytes make long is interrupted, so that one of their files does not stop the others.
 */
import { setImmediate } from 'node:timers/promises';

/** Milliseconds of work without a break. */
const LONGEST_SLICE = 20;

/** Bytes that are worked on before the clock is looked at: a row may have two of them. */
const PIECE = 16 * 1024;

export class TimeSlice {
  #end = performance.now() + LONGEST_SLICE;

  /** Others were served just now. */
  begin(): void {
    this.#end = performance.now() + LONGEST_SLICE;
  }

  /** It is time for {@link next}. */
  get isOver(): boolean {
    return performance.now() > this.#end;
  }

  /** Lets everything else run that waits. */
  async next(): Promise<void> {
    await setImmediate();
    this.begin();
  }
}

/** A chunk in pieces that share its memory. */
export function* inPieces(chunk: Uint8Array): Generator<Buffer> {
  const { buffer, byteOffset, length } = chunk;
  for (let at = 0; at < length; at += PIECE) {
    yield Buffer.from(buffer, byteOffset + at, Math.min(PIECE, length - at));
  }
}

/**
 * Chunks in pieces, with breaks between them where the work on them takes long, whoever does it: the time counts from one
 * break to the next.
 */
export async function* inSlices(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  const slice = new TimeSlice();
  for await (const chunk of chunks) {
    // It came from a disk or a line, so others were served meanwhile.
    slice.begin();
    for (const piece of inPieces(chunk)) {
      yield piece;
      if (slice.isOver) await slice.next();
    }
  }
}

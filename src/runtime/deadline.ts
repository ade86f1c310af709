/**
 * The time limit of a whole call: a server that sends a byte now and then is never silent, and never done. The same
 * signal also passes on a cancellation, so that either one frees the socket at once.
 */

/** Why a call was aborted. */
class CallTimeout extends Error {
  readonly code = 'ETIMEDOUT';

  constructor(milliseconds: number) {
    super(`not finished within ${Math.ceil(milliseconds / 1000)} s`);
  }
}

export class Deadline {
  readonly #controller = new AbortController();
  readonly #outer: AbortSignal | undefined;
  readonly #onAbort = (): void => this.#controller.abort(this.#outer?.reason);
  #timer: NodeJS.Timeout | undefined;
  #isOver = false;

  /** @param outer signal that cancels the call */
  constructor(milliseconds: number, outer?: AbortSignal) {
    this.#outer = outer;
    this.restart(milliseconds);
    if (outer?.aborted) this.#onAbort();
    else outer?.addEventListener('abort', this.#onAbort, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Why the call was aborted, by the time limit or the outer signal; undefined if it was not. */
  get reason(): unknown {
    return this.signal.aborted ? this.signal.reason : undefined;
  }

  /** Restarts the time limit. */
  restart(milliseconds: number): void {
    this.pause();
    if (this.#isOver) return;
    this.#timer = setTimeout(() => this.#controller.abort(new CallTimeout(milliseconds)), milliseconds);
  }

  /** Stops the clock until `restart`: the server is not what the call waits for. */
  pause(): void {
    clearTimeout(this.#timer);
  }

  /** Stops the time limit for good when the call is over. */
  end(): void {
    this.#isOver = true;
    this.pause();
    this.#outer?.removeEventListener('abort', this.#onAbort);
  }
}

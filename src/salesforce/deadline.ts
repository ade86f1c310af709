/**
 * The time limit of one call, for all of it: a server that sends a byte now and then is never silent, and never done. The
 * same signal passes a cancel on, so that either of them frees the socket at once.
 */

/** Why a call was given up. */
export class CallTimeout extends Error {
  readonly code = 'ETIMEDOUT';

  constructor(milliseconds: number) {
    super(`not done within ${Math.ceil(milliseconds / 1000)} s`);
  }
}

export class Deadline {
  readonly #controller = new AbortController();
  readonly #outer: AbortSignal | undefined;
  readonly #onAbort = (): void => this.#controller.abort(this.#outer?.reason);
  #timer: NodeJS.Timeout | undefined;
  #isOver = false;

  /** @param outer of whoever may cancel the call */
  constructor(milliseconds: number, outer?: AbortSignal) {
    this.#outer = outer;
    this.restart(milliseconds);
    if (outer?.aborted) this.#onAbort();
    else outer?.addEventListener('abort', this.#onAbort, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** What the call was ended with; undefined when it was not ended by this. */
  get reason(): unknown {
    return this.signal.aborted ? this.signal.reason : undefined;
  }

  /** Counts again from now on. */
  restart(milliseconds: number): void {
    this.pause();
    if (this.#isOver) return;
    this.#timer = setTimeout(() => this.#controller.abort(new CallTimeout(milliseconds)), milliseconds);
  }

  /** Time does not count until it is started again: the other side is not the one that is waited for. */
  pause(): void {
    clearTimeout(this.#timer);
  }

  /** The call is over. */
  end(): void {
    this.#isOver = true;
    this.pause();
    this.#outer?.removeEventListener('abort', this.#onAbort);
  }
}

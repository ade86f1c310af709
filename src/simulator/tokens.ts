/** Access tokens that the org gave out, and until when it accepts them. */
import { randomBytes } from 'node:crypto';
import type { Quirks } from './quirks.js';

export interface TokensOptions {
  /** One that is there from the beginning. */
  ready: string;
  now: () => number;
  lifetimeMs: number;
  ends: Quirks['sessionEnds'];
}

export class Tokens {
  readonly #options: TokensOptions;
  /** From when their life is counted. */
  readonly #alive = new Map<string, number>();

  constructor(options: TokensOptions) {
    this.#options = options;
    this.#alive.set(options.ready, options.now());
  }

  issue(orgId: string): string {
    const token = `${orgId}!${randomBytes(24).toString('base64url')}`;
    this.#alive.set(token, this.#options.now());
    return token;
  }

  /** Whether the request may go on. */
  accepts(authorization: string | undefined): boolean {
    const token = tokenOf(authorization);
    const since = this.#alive.get(token);
    const now = this.#options.now();
    if (since === undefined) return false;
    if (now - since > this.#options.lifetimeMs) return !this.#alive.delete(token);
    if (this.#options.ends === 'afterUse') this.#alive.set(token, now);
    return true;
  }

  /** The token of this request is dead from now on. */
  kill(authorization: string | undefined): void {
    this.#alive.delete(tokenOf(authorization));
  }

  killAll(): void {
    this.#alive.clear();
  }
}

function tokenOf(authorization: string | undefined): string {
  return /^(?:Bearer|OAuth) (\S+)$/i.exec(authorization ?? '')?.[1] ?? '';
}

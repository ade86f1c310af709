/** Access tokens that the org gave out, and until when it accepts them. */
import { randomBytes } from 'node:crypto';
import type { Quirks } from './quirks.js';

export interface TokensOptions {
  /** One that is there from the beginning. */
  ready: string;
  now: () => number;
  lifetimeMs: number;
  /** How many requests a token is good for; the one from the beginning too. */
  requests: number;
  ends: Quirks['sessionEnds'];
}

interface Life {
  /** From when it is counted. */
  since: number;
  requests: number;
  /** The authorization that it came from: it dies with that. */
  chain: string | undefined;
}

export class Tokens {
  readonly #options: TokensOptions;
  readonly #alive = new Map<string, Life>();

  constructor(options: TokensOptions) {
    this.#options = options;
    this.#alive.set(options.ready, this.#begin(undefined));
  }

  /** @param chain the authorization by whose refresh token it was asked for */
  issue(orgId: string, chain?: string): string {
    const token = `${orgId}!${randomBytes(24).toString('base64url')}`;
    this.#alive.set(token, this.#begin(chain));
    return token;
  }

  #begin(chain: string | undefined): Life {
    return { since: this.#options.now(), requests: 0, chain };
  }

  /** Whether the request may go on. */
  accepts(authorization: string | undefined): boolean {
    const token = tokenOf(authorization);
    const life = this.#alive.get(token);
    const now = this.#options.now();
    if (life === undefined) return false;
    life.requests++;
    const isOver = now - life.since > this.#options.lifetimeMs || life.requests > this.#options.requests;
    if (isOver) return !this.#alive.delete(token);
    if (this.#options.ends === 'afterUse') life.since = now;
    return true;
  }

  /** The token of this request is dead from now on. */
  kill(authorization: string | undefined): void {
    this.#alive.delete(tokenOf(authorization));
  }

  /** All tokens that came from one authorization. */
  killChain(chain: string): void {
    for (const [token, life] of this.#alive) if (life.chain === chain) this.#alive.delete(token);
  }

  killAll(): void {
    this.#alive.clear();
  }
}

function tokenOf(authorization: string | undefined): string {
  return /^(?:Bearer|OAuth) (\S+)$/i.exec(authorization ?? '')?.[1] ?? '';
}

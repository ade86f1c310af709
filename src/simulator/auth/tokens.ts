/** Access tokens that the org issued, and how long it accepts them. */
import { randomBytes } from 'node:crypto';
import type { Quirks } from '../quirks.js';

export interface TokensOptions {
  /** A token that is valid from the start. */
  ready: string;
  now: () => number;
  lifetimeMs: number;
  /** Number of requests that a token allows, including the initial one. */
  requests: number;
  ends: Quirks['sessionEnds'];
}

interface Life {
  /** Start of its lifetime. */
  since: number;
  requests: number;
  /** The authorization that it came from, with which it expires. */
  chain: string | undefined;
  /** Its user, if it is not the user of the initial token. */
  userId?: string;
}

export class Tokens {
  readonly #options: TokensOptions;
  readonly #alive = new Map<string, Life>();

  constructor(options: TokensOptions) {
    this.#options = options;
    this.#alive.set(options.ready, this.#begin(undefined));
  }

  /** @param chain the authorization of the refresh token that was used */
  issue(orgId: string, chain?: string): string {
    const token = `${orgId}!${randomBytes(24).toString('base64url')}`;
    this.#alive.set(token, this.#begin(chain));
    return token;
  }

  /** A token of another user of the org. */
  issueFor(userId: string, orgId: string): string {
    const token = this.issue(orgId);
    this.#alive.set(token, { ...this.#begin(undefined), userId });
    return token;
  }

  /** Another token that is valid from the start. */
  add(token: string, userId: string): void {
    this.#alive.set(token, { ...this.#begin(undefined), userId });
  }

  /** The user of a request's token, if it is not the user of the initial token. */
  userOf(authorization: string | undefined): string | undefined {
    return this.#alive.get(tokenOf(authorization))?.userId;
  }

  #begin(chain: string | undefined): Life {
    return { since: this.#options.now(), requests: 0, chain };
  }

  /** Whether the request is authorized. */
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

  /** Revokes the token of this request. */
  kill(authorization: string | undefined): void {
    this.#alive.delete(tokenOf(authorization));
  }

  /** Revokes all tokens of one authorization. */
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

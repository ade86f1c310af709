/** The current token of a connection, renewed once for all requests that find it expired. */
import type { AccessToken, TokenSource } from './token-source.js';

export class SingleRenewal {
  readonly #tokens: TokenSource;
  #renewing: Promise<AccessToken> | undefined;

  constructor(tokens: TokenSource) {
    this.#tokens = tokens;
  }

  current(): Promise<AccessToken> {
    return this.#tokens.current();
  }

  async close(): Promise<void> {
    await this.#tokens.close?.();
  }

  /** However many requests find a token expired, at once or later, it is renewed once. */
  renew(stale: string): Promise<AccessToken> {
    this.#renewing ??= this.#renewIfStale(stale).finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
  }

  async #renewIfStale(stale: string): Promise<AccessToken> {
    const token = await this.#tokens.current();
    return token.accessToken === stale ? this.#tokens.renew(stale) : token;
  }
}

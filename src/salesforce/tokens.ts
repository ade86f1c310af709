/**
 * Where access tokens come from. A connection asks for the current one before each request and, when the platform
 * calls it expired, for a new one, once.
 */
import { NightloadError } from '../errors.js';
import type { Secret } from './secret.js';
import { safeOrigin } from './urls.js';

export interface AccessToken {
  accessToken: string;
  /** The only address that this token is sent to: `https://acme.my.salesforce.com`. */
  instanceUrl: string;
  /** Other processes use it too: they may have used it up before its first use here. */
  shared?: true;
}

export interface TokenSource {
  current(): Promise<AccessToken>;
  /**
   * A token other than `stale`, which the platform refused as expired; from then on also the current one.
   *
   * @throws NightloadError when there is no way to get one
   */
  renew(stale: string): Promise<AccessToken>;
  /** Ends what the source keeps open. */
  close?(): Promise<void>;
}

/** Checks that a token can stand in a header, without ever repeating it. */
export function checkedToken(token: string, setting: string): string {
  const trimmed = token.trim();
  if (!/^[\x21-\x7e]+$/.test(trimmed)) {
    throw new NightloadError(
      'INVALID_ACCESS_TOKEN',
      `${setting} is empty or holds characters that no access token has: was it cut off, or read from the wrong file?`,
    );
  }
  return trimmed;
}

/** A token that somebody else got: it cannot be renewed, unless they put a new one into the file that it is read from. */
export function readyToken(instanceUrl: string, accessToken: Secret): TokenSource {
  const origin = safeOrigin(instanceUrl, 'SF_INSTANCE_URL');
  const read = (): AccessToken => ({
    instanceUrl: origin,
    accessToken: checkedToken(accessToken.reveal(), 'SF_ACCESS_TOKEN'),
  });
  let token = read();
  return {
    current: () => Promise.resolve(token),

    async renew(stale) {
      token = read();
      if (token.accessToken !== stale) return token;
      throw new NightloadError(
        'TOKEN_EXPIRED',
        `${token.instanceUrl} says that the access token has expired, and a ready token cannot be renewed. ` +
          'Set a new SF_ACCESS_TOKEN and restart the worker; for loads that outlive a session, use a refresh token ' +
          '(SF_LOGIN_URL, SF_CLIENT_ID, SF_REFRESH_TOKEN) or client credentials (SF_LOGIN_URL, SF_CLIENT_ID, SF_CLIENT_SECRET).',
        // Whoever restarts the worker with another token brings the load on; until then it waits.
        { retryable: true },
      );
    },
  };
}

/**
 * Source of access tokens. A connection gets the current one before each request and, when the platform reports it
 * expired, a new one, once.
 */
import { NightloadError } from '../../errors.js';
import type { Secret } from '../../runtime/secret.js';
import { safeOrigin } from './safe-origin.js';

export interface AccessToken {
  accessToken: string;
  /** The only address that this token is sent to: `https://acme.my.salesforce.com`. */
  instanceUrl: string;
  /** Other processes use it too: it may be used up before its first use here. */
  shared?: true;
}

export interface TokenSource {
  current(): Promise<AccessToken>;
  /**
   * A token other than `stale`, which the platform refused as expired; it becomes the current one.
   *
   * @throws NightloadError if no token is available
   */
  renew(stale: string): Promise<AccessToken>;
  /** Closes what the source keeps open. */
  close?(): Promise<void>;
}

/** Longer than any token of a server whose headers may have 16 KB. */
export const MAX_TOKEN = 8_192;

/** Whether the token is valid in a header. */
export function isHeaderToken(token: string): boolean {
  return token.length <= MAX_TOKEN && /^[\x21-\x7e]+$/.test(token);
}

/** Checks a token from the settings, without ever repeating it. */
export function checkedToken(token: string, setting: string): string {
  const trimmed = token.trim();
  if (!isHeaderToken(trimmed)) {
    throw new NightloadError(
      'INVALID_ACCESS_TOKEN',
      `${setting} is empty or contains characters that no access token has: it may be truncated, or read from the wrong file.`,
    );
  }
  return trimmed;
}

/** A ready-made token: it cannot be renewed, unless a new one is put into the file that it is read from. */
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
        `${token.instanceUrl} reports that the access token has expired, and a token that was set directly cannot be renewed. ` +
          'Set a new SF_ACCESS_TOKEN and restart the worker; for loads that outlive a session, use a refresh token ' +
          '(SF_LOGIN_URL, SF_CLIENT_ID, SF_REFRESH_TOKEN) or client credentials (SF_LOGIN_URL, SF_CLIENT_ID, SF_CLIENT_SECRET).',
        // A restart of the worker with another token resumes the load; until then it waits.
        { retryable: true },
      );
    },
  };
}

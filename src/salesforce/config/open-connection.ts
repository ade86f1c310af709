/** Opens a connection to an org from its settings. */
import { defined } from '../../domain/defined.js';
import { OAuthTokens } from '../auth/oauth.js';
import { sfCliTokens } from '../auth/sf-cli.js';
import { readyToken } from '../auth/token-source.js';
import type { AccessToken, TokenSource } from '../auth/token-source.js';
import { SalesforceConnection } from '../bulk-client.js';
import type { Timeouts } from '../http/timeouts.js';
import type { OrgSettings } from './connection-settings.js';
import { inWordsOfFile } from './words-of-file.js';

/** @throws NightloadError `INVALID_ACCESS_TOKEN`, `INVALID_URL`, `BROWSER_URL`, `INSECURE_URL`, `TOKENS_FOLDER_UNUSABLE` */
function tokensOf(settings: OrgSettings): TokenSource {
  const { origin } = settings;
  const open = (): TokenSource => {
    if (settings.auth === 'token') return readyToken(settings.instanceUrl, settings.accessToken);
    if (settings.auth !== 'sfCli') return new OAuthTokens(settings);
    return sfCliTokens(settings.alias, { instanceUrlHosts: settings.instanceUrlHosts });
  };
  if (origin === undefined) return open();
  try {
    const tokens = open();
    const told = (token: Promise<AccessToken>): Promise<AccessToken> =>
      token.catch((error: unknown) => {
        throw inWordsOfFile(error, origin);
      });
    return {
      current: () => told(tokens.current()),
      renew: (stale) => told(tokens.renew(stale)),
      ...(tokens.close && { close: () => tokens.close?.() ?? Promise.resolve() }),
    };
  } catch (error) {
    throw inWordsOfFile(error, origin);
  }
}

/** Opens a connection with these settings; makes no request yet. Close it when the worker ends. */
export function openConnection(
  settings: OrgSettings,
  options: { timeouts?: Partial<Timeouts> } = {},
): SalesforceConnection {
  return new SalesforceConnection({
    tokens: tokensOf(settings),
    ...defined({ apiVersion: settings.apiVersion }),
    ...options,
  });
}

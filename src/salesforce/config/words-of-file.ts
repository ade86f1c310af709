/** Puts errors about `SF_*` variables into the words of a connections file. */
import { NightloadError } from '../../errors.js';

/** Environment variables by the corresponding key of a connections file. */
const KEYS: Readonly<Record<string, string>> = {
  SF_INSTANCE_URL: 'instanceUrl',
  SF_ACCESS_TOKEN: 'accessToken',
  SF_LOGIN_URL: 'loginUrl',
  SF_CLIENT_ID: 'clientId',
  SF_CLIENT_SECRET: 'clientSecret',
  SF_REFRESH_TOKEN: 'refreshToken',
  SF_USERNAME: 'username',
  SF_JWT_KEY_FILE: 'privateKey',
  SF_JWT_AUDIENCE: 'audience',
  SF_API_VERSION: 'apiVersion',
};

/** Whether a connection can be described with this variable. */
export function isLoginVariable(name: string): boolean {
  return name in KEYS;
}

/** Replaces names of variables in an error with the keys of the file that the connection comes from. */
export function inWordsOfFile(error: unknown, { name, file }: { name: string; file: string }): unknown {
  if (!(error instanceof NightloadError)) return error;
  const message = error.message.replaceAll(/\bSF_[A-Z_]+\b/g, (variable) => KEYS[variable] ?? variable);
  const { code, retryable, detail } = error;
  return new NightloadError(code, `Connection "${name}" of ${file}: ${message}`, { retryable, detail, cause: error });
}

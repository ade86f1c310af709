/** Explains a login server's refusal, and whether it is transient. */
import { NightloadError } from '../../errors.js';
import { asObject, asText, parseJson } from '../resources/json.js';
import { detailOf } from '../errors/redacted-detail.js';
import { shownCode } from '../../domain/text/shown-code.js';

/** Characters of the login server's text that are read. */
const MAX_READ = 4_000;

interface Advice {
  text: RegExp;
  /** Must also match, before or after. */
  also?: RegExp;
  remedy: string;
}

/** By the login server's text; the first match wins. */
const ADVICE: readonly Advice[] = [
  {
    text: /not supported on this domain/i,
    remedy:
      "Client credentials need the org's My Domain address in SF_LOGIN_URL (https://acme.my.salesforce.com), not login or test.salesforce.com.",
  },
  {
    text: /no client credentials user/i,
    remedy: 'Choose a Run As user in the client credentials flow of the connected app.',
  },
  {
    text: /expired access\/refresh token/i,
    remedy: 'The refresh token was revoked or has expired: authorize the app again and set the new SF_REFRESH_TOKEN.',
  },
  {
    text: /approved this consumer|not admin approved/i,
    remedy:
      'The user may not use the connected app yet: set Permitted Users to "Admin approved users are pre-authorized", add a ' +
      'profile or permission set of SF_USERNAME, and give it the scopes "api" and "refresh_token".',
  },
  {
    text: /audience (is invalid|validation failed)/i,
    remedy:
      'Set SF_JWT_AUDIENCE to https://test.salesforce.com for a sandbox or scratch org, or to https://login.salesforce.com ' +
      "otherwise, and check that SF_LOGIN_URL is the org's My Domain address.",
  },
  {
    text: /assertion/i,
    also: /invalid assertion|expired/i,
    remedy:
      'Check that the certificate in the connected app matches the key in SF_JWT_KEY_FILE and has not expired, that ' +
      "SF_CLIENT_ID and SF_USERNAME belong to this org, and that the machine's clock is correct.",
  },
  { text: /invalid_client_id/, remedy: 'Check SF_CLIENT_ID, and that the app exists in this org.' },
  { text: /invalid_client/, remedy: 'Check SF_CLIENT_ID and SF_CLIENT_SECRET.' },
  {
    text: /inactive[_ ](user|org)/i,
    remedy:
      'The user or the org is not active: activate the user (in a sandbox, SF_USERNAME ends with .sandboxname), or log in as another user.',
  },
  { text: /unsupported_grant_type/, remedy: 'Enable this OAuth flow in the connected app and in the org.' },
];

const PASSING_STATUS: readonly number[] = [408, 429];
/** Salesforce sends these with HTTP 400. */
const PASSING_WORDS =
  /^(rate_limit_exceeded|unknown_error|server_error|temporarily_unavailable)\b|login rate exceeded|retry your request/i;

export function tokenRefused(origin: string, status: number, body: string, secrets: readonly string[]): NightloadError {
  const reply = asObject(parseJson(body));
  const error = asText(reply?.['error']) ?? '';
  // Judged by the full text, reported by the code alone: the rest may repeat what was sent.
  const said = [error, asText(reply?.['error_description']) ?? '']
    .filter((part) => part !== '')
    .join(': ')
    .slice(0, MAX_READ);
  const code = shownCode(error, secrets);
  // Without an `error`, the reply does not come from the login server itself.
  const passing = error === '' || status >= 500 || PASSING_STATUS.includes(status) || PASSING_WORDS.test(said);
  const remedy =
    ADVICE.find(({ text, also }) => text.test(said) && also?.test(said) !== false)?.remedy ??
    'Check SF_LOGIN_URL and the connected app.';
  const later =
    error === ''
      ? 'This is usually temporary; if it persists, check SF_LOGIN_URL and the proxy.'
      : 'This is usually temporary: try again later.';
  return new NightloadError(
    code === undefined ? `AUTH_HTTP_${status}` : `AUTH_${code}`,
    `${origin} returned no access token: HTTP ${status}${code === undefined ? '' : ` ${code.toLowerCase()}`}. ${passing ? later : remedy}`,
    { retryable: passing, detail: detailOf(said === '' ? body : said, secrets) },
  );
}

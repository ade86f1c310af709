/** The address of the Temporal UI, for links in messages and reports (`NIGHTLOAD_UI_URL`). */
import { NightloadError } from '../errors.js';

const MAX_LENGTH = 1_000;

/**
 * @returns with a `/` at its end; undefined if it is not set
 * @throws NightloadError `INVALID_URL`
 */
export function uiUrlFrom(env: Readonly<Record<string, string | undefined>>): string | undefined {
  const given = env['NIGHTLOAD_UI_URL']?.trim();
  if (!given) return undefined;
  const url = URL.canParse(given) ? new URL(given) : undefined;
  const isPlain = url?.username === '' && url.password === '' && url.search === '' && url.hash === '';
  if (url !== undefined && isPlain && ['http:', 'https:'].includes(url.protocol) && url.href.length <= MAX_LENGTH) {
    return url.href.endsWith('/') ? url.href : `${url.href}/`;
  }
  throw new NightloadError(
    'INVALID_URL',
    // Not the value: it may contain a password.
    'NIGHTLOAD_UI_URL must be the address of the Temporal UI, such as https://temporal.acme.example, without a user name, "?" or "#".',
  );
}

/** Converts an HTTP result (a status and a body, or a broken connection) to a SalesforceError with a remedy. */
import { retryAfter } from '../../runtime/retry-after.js';
import type { IncomingHttpHeaders } from 'node:http';
import type { RequestKind } from '../http/call-context.js';
import { SalesforceError } from './salesforce-error.js';
import { asArray, asObject, asText, parseJson } from '../resources/json.js';
import { meaningOf } from './error-catalog.js';
import { detailOf } from './redacted-detail.js';
import { shownCode } from '../../domain/text/shown-code.js';

/** Facts about a request, whatever its result. */
export interface RequestFacts {
  kind: RequestKind;
  method: string;
  origin: string;
  path: string;
  /** The request went onto a connection. */
  sent: boolean;
  /** The platform cannot have acted on it, because part of its body was never sent. */
  incomplete: boolean;
  secrets: readonly string[];
}

/** The paths that this program builds; the path of a list's next page comes from the server. */
const OWN_PATH =
  /^\/services\/data(?:\/v\d{1,3}\.\d(?:\/(?:jobs\/ingest(?:\/[A-Za-z0-9]{1,18}(?:\/\w{1,30})?)?|sobjects\/\w{1,255}\/describe|limits|(?:tooling\/)?query|ui-api\/object-info\/\w{1,255}\/picklist-values\/[A-Za-z0-9]{1,18}))?)?$/;

/** Method and path, without a query and without external text. */
function label({ method, path }: RequestFacts): string {
  const [own = ''] = path.split('?');
  return `${method} ${OWN_PATH.test(own) ? own : '…'}`;
}

/** Whether the request may have been carried out although no usable reply came. */
function maybeApplied(facts: RequestFacts): boolean {
  return facts.method !== 'GET' && facts.sent && !facts.incomplete;
}

/** The kind of a body, in our words: its text may contain rows, or what was sent. */
function kindOf(text: string): string {
  const body = text.trim();
  if (body === '') return 'an empty body';
  if (body.startsWith('<')) return /^<\?xml/i.test(body) ? 'XML' : 'an HTML page';
  return parseJson(body) === undefined ? 'text that is not JSON' : 'JSON of another shape';
}

/** The platform replies to errors with a list of objects; gateways and OAuth with one object, HTML or nothing. */
export function readRefusal(text: string): { errorCode: string | undefined; message: string | undefined } {
  const body = parseJson(text);
  const first = asObject(asArray(body)[0]) ?? asObject(body);
  const errorCode = first?.['errorCode'];
  // The platform's codes are words. A number is the code of an intermediary.
  return {
    errorCode: typeof errorCode === 'string' && errorCode !== '' ? errorCode : undefined,
    message: asText(first?.['message']),
  };
}

/** For a reply whose status is not a success. */
export function refused(
  facts: RequestFacts,
  status: number,
  headers: IncomingHttpHeaders,
  text: string,
): SalesforceError {
  const refusal = readRefusal(text);
  const errorCode = shownCode(refusal.errorCode, facts.secrets);
  const original = { status, errorCode: refusal.errorCode, message: refusal.message ?? text, kind: facts.kind };
  const { code, remedy, retryable, believedAfterMs } = meaningOf(original, errorCode);
  const said =
    errorCode ?? (refusal.errorCode === undefined ? `with ${kindOf(text)}` : 'with a code of unknown format');
  return new SalesforceError(code, `Salesforce answered HTTP ${status} ${said} to ${label(facts)}. ${remedy}`, {
    request: label(facts),
    httpStatus: status,
    errorCode,
    detail: detailOf([refusal.errorCode, refusal.message ?? text].filter(Boolean).join(': '), facts.secrets),
    retryable,
    retryAfterMs: retryAfter(headers['retry-after']),
    believedAfterMs,
    // Only the platform's own refusal means that nothing was done. A gateway may give up on a request, with any status,
    // that the server behind it still carries out.
    maybeApplied: (status >= 500 || refusal.errorCode === undefined) && maybeApplied(facts),
  });
}

/** For an upload with an expired token: a job gets its data once, so the data goes into another job. */
export function tokenRenewed(facts: RequestFacts, status: number): SalesforceError {
  return new SalesforceError(
    'TOKEN_RENEWED',
    `The access token had expired when ${label(facts)} was sent. It has been renewed; the data goes into a new job.`,
    { request: label(facts), httpStatus: status, retryable: true },
  );
}

/** For a redirect: following it could send the token to another host. */
export function redirected(facts: RequestFacts, status: number, headers: IncomingHttpHeaders): SalesforceError {
  const location = headers.location;
  const target =
    location !== undefined && URL.canParse(location, facts.origin) ? new URL(location, facts.origin) : null;
  return new SalesforceError(
    'SALESFORCE_REDIRECT',
    `${facts.origin} answered ${label(facts)} with a redirect (HTTP ${status})` +
      '. Redirects are not followed, because the token would travel with ' +
      "them. This may be temporary; if it persists, set the instance URL to the org's My Domain address (https://….my.salesforce.com), or " +
      'check the proxy.',
    // Edges and proxies send one now and then, and the request may have been carried out all the same.
    {
      request: label(facts),
      httpStatus: status,
      detail: target === null ? undefined : detailOf(`to ${target.origin}`, facts.secrets),
      retryable: true,
      maybeApplied: maybeApplied(facts),
    },
  );
}

/** For a success whose body is not an API reply: a maintenance page, an empty body, half a JSON. */
export function unexpected(
  facts: RequestFacts,
  status: number,
  text: string,
  what: string = kindOf(text),
): SalesforceError {
  return new SalesforceError(
    'SALESFORCE_UNEXPECTED_REPLY',
    `${facts.origin} answered HTTP ${status} to ${label(facts)} with ${what}, which the API does not send. ` +
      'It may come from a maintenance page or a proxy: try again, then check the instance URL and the proxy.',
    {
      request: label(facts),
      httpStatus: status,
      detail: text.trim() === '' ? undefined : detailOf(text, facts.secrets),
      retryable: true,
      maybeApplied: maybeApplied(facts),
    },
  );
}

/** For a success that is longer than any API reply. */
export function tooLarge(facts: RequestFacts, status: number, limit: number): SalesforceError {
  return new SalesforceError(
    'SALESFORCE_REPLY_TOO_LARGE',
    `${facts.origin} answered HTTP ${status} to ${label(facts)} with more than ${limit / 1e6} MB, which the API never sends; the ` +
      'rest was not read. A proxy may have answered: try again, then check the instance URL and the proxy.',
    { request: label(facts), httpStatus: status, retryable: true, maybeApplied: maybeApplied(facts) },
  );
}

/** Codes of a system or of undici, and the text of outbound-agent.ts for a proxy that refuses: never external text. */
const OWN_CODES = /^(?:[A-Z][A-Z0-9_]{1,60}|the proxy answered HTTP \d{3})$/;

/** Code of the innermost system or undici error. */
function codeOf(error: unknown): string {
  const found = asObject(error);
  const nested = asArray(found?.['errors'])[0];
  const code = asText(found?.['code']) ?? asText(asObject(nested)?.['code']) ?? '';
  return OWN_CODES.test(code) ? code : '';
}

const UNTRUSTED_CERTIFICATE = /^(CERT_|ERR_TLS_CERT|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_(GET_ISSUER|VERIFY))/;
const NO_ANSWER_IN_TIME = ['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'ETIMEDOUT'];

/** For a connection that could not be made, broke, or timed out. `status` if the reply had begun. */
export function broken(facts: RequestFacts, error: unknown, status?: number): SalesforceError {
  const systemCode = codeOf(error);
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  const what = systemCode === '' ? `${/^\w{1,60}$/.test(name) ? name : 'Error'} without a code` : systemCode;
  // The original errors hold sockets and pieces of replies.
  const details = { request: label(facts), httpStatus: status, detail: detailOf(message, facts.secrets) };
  if (!facts.sent && UNTRUSTED_CERTIFICATE.test(systemCode)) {
    return new SalesforceError(
      'SALESFORCE_UNTRUSTED',
      `The certificate of ${facts.origin} is not trusted (${what}). Check the instance URL; behind a proxy that opens ` +
        'TLS, set NODE_EXTRA_CA_CERTS to its certificate.',
      { ...details, retryable: false },
    );
  }
  if (!facts.sent) {
    return new SalesforceError(
      'SALESFORCE_UNREACHABLE',
      `${facts.origin} could not be reached for ${label(facts)} (${what}). Check the network and the instance URL.`,
      { ...details, retryable: true },
    );
  }
  const lost = { ...details, retryable: true, maybeApplied: maybeApplied(facts) };
  if (NO_ANSWER_IN_TIME.includes(systemCode)) {
    return new SalesforceError(
      'SALESFORCE_TIMEOUT',
      `${facts.origin} did not answer in time after ${label(facts)} (${what}). Try again later.`,
      lost,
    );
  }
  const when = status === undefined ? 'before the answer' : 'in the middle of the answer';
  return new SalesforceError(
    'SALESFORCE_REPLY_LOST',
    `The connection to ${facts.origin} broke ${when} to ${label(facts)} (${what}). Try again` +
      `${lost.maybeApplied ? ', but check first: the request may have been carried out.' : '.'}`,
    lost,
  );
}

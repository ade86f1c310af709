/**
 * From what HTTP gives (a status and a body, or a broken connection) to a SalesforceError that says what to do.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { RequestKind } from './context.js';
import { SalesforceError } from './errors.js';
import { asArray, asObject, asText, parseJson } from './json.js';
import { meaningOf } from './refusals.js';
import { detailOf } from './detail.js';
import { shownCode } from '../domain/shown-code.js';

/** What is known about a request, whatever became of it. */
export interface RequestFacts {
  kind: RequestKind;
  method: string;
  origin: string;
  path: string;
  /** It went onto a connection. */
  sent: boolean;
  /** The platform cannot have acted on it, because part of its body never left. */
  incomplete: boolean;
  secrets: readonly string[];
}

/** The paths that this program builds; the next page of a list is named by whoever answers. */
const OWN_PATH =
  /^\/services\/data(?:\/v\d{1,3}\.\d(?:\/(?:jobs\/ingest(?:\/[A-Za-z0-9]{1,18}(?:\/\w{1,30})?)?|sobjects\/\w{1,255}\/describe|limits|query))?)?$/;

/** Method and path, without a query and without what others wrote. */
function label({ method, path }: RequestFacts): string {
  const [own = ''] = path.split('?');
  return `${method} ${OWN_PATH.test(own) ? own : '…'}`;
}

/** Whether what was asked may have happened although no usable answer came. */
function maybeApplied(facts: RequestFacts): boolean {
  return facts.method !== 'GET' && facts.sent && !facts.incomplete;
}

/** What a body is, in our words: whatever it says may be rows, or what was sent. */
function kindOf(text: string): string {
  const body = text.trim();
  if (body === '') return 'an empty body';
  if (body.startsWith('<')) return /^<\?xml/i.test(body) ? 'XML' : 'an HTML page';
  return parseJson(body) === undefined ? 'text that is no JSON' : 'JSON of another kind';
}

/** Seconds or a date, as RFC 9110 has it. */
function retryAfter(headers: IncomingHttpHeaders): number | undefined {
  const value = headers['retry-after'];
  if (value === undefined) return undefined;
  const seconds = /^\d+$/.test(value) ? Number(value) : (Date.parse(value) - Date.now()) / 1000;
  return Number.isFinite(seconds) && seconds >= 0 ? Math.round(seconds * 1000) : undefined;
}

/** The platform answers errors with a list of objects; gateways and OAuth with one object, HTML or nothing. */
export function readRefusal(text: string): { errorCode: string | undefined; message: string | undefined } {
  const body = parseJson(text);
  const first = asObject(asArray(body)[0]) ?? asObject(body);
  const errorCode = first?.['errorCode'];
  // The platform's codes are words. A number is a code of something in between.
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
  const said = errorCode ?? (refusal.errorCode === undefined ? `with ${kindOf(text)}` : 'with a code of no known form');
  return new SalesforceError(code, `Salesforce answered HTTP ${status} ${said} to ${label(facts)}. ${remedy}`, {
    request: label(facts),
    httpStatus: status,
    errorCode,
    detail: detailOf([refusal.errorCode, refusal.message ?? text].filter(Boolean).join(': '), facts.secrets),
    retryable,
    retryAfterMs: retryAfter(headers),
    believedAfterMs,
    // Only the platform's own refusal says that nothing was done. A gateway may give up on a request, with any status,
    // that the server behind it still carries out.
    maybeApplied: (status >= 500 || refusal.errorCode === undefined) && maybeApplied(facts),
  });
}

/** For an upload that met an expired token: a job gets its data once, so the data goes into another job. */
export function tokenRenewed(facts: RequestFacts, status: number): SalesforceError {
  return new SalesforceError(
    'TOKEN_RENEWED',
    `The access token had expired when ${label(facts)} was sent. It has been renewed; the data goes into a new job.`,
    { request: label(facts), httpStatus: status, retryable: true },
  );
}

/** For a redirect: following it could carry the token to another host. */
export function redirected(facts: RequestFacts, status: number, headers: IncomingHttpHeaders): SalesforceError {
  const location = headers.location;
  const target =
    location !== undefined && URL.canParse(location, facts.origin) ? new URL(location, facts.origin) : null;
  return new SalesforceError(
    'SALESFORCE_REDIRECT',
    `${facts.origin} answered ${label(facts)} with a redirect (HTTP ${status})` +
      '. Redirects are not followed, because the token would travel with ' +
      "them. This may pass; if it stays, set the instance URL to the org's own address (https://….my.salesforce.com), or " +
      'check the proxy.',
    // Edges and proxies send one now and then, and what was asked for may have been done all the same.
    {
      request: label(facts),
      httpStatus: status,
      detail: target === null ? undefined : detailOf(`to ${target.origin}`, facts.secrets),
      retryable: true,
      maybeApplied: maybeApplied(facts),
    },
  );
}

/** For a success whose body is not what the API answers: a maintenance page, an empty body, half a JSON. */
export function unexpected(
  facts: RequestFacts,
  status: number,
  text: string,
  what: string = kindOf(text),
): SalesforceError {
  return new SalesforceError(
    'SALESFORCE_UNEXPECTED_REPLY',
    `${facts.origin} answered HTTP ${status} to ${label(facts)}, but with ${what} instead of what the API sends. ` +
      'This may be a maintenance page or a proxy in between: try again, then check the instance URL and the proxy.',
    {
      request: label(facts),
      httpStatus: status,
      detail: text.trim() === '' ? undefined : detailOf(text, facts.secrets),
      retryable: true,
      maybeApplied: maybeApplied(facts),
    },
  );
}

/** For a success that is longer than any that the API sends. */
export function tooLarge(facts: RequestFacts, status: number, limit: number): SalesforceError {
  return new SalesforceError(
    'SALESFORCE_REPLY_TOO_LARGE',
    `${facts.origin} answered HTTP ${status} to ${label(facts)} with more than ${limit / 1e6} MB, which the API never does; the ` +
      'rest was not read. Something in between may have answered: try again, then check the instance URL and the proxy.',
    { request: label(facts), httpStatus: status, retryable: true, maybeApplied: maybeApplied(facts) },
  );
}

/** Codes of a system or of undici, and what outbound-agent.ts says of a proxy that refuses: our words, no one else's. */
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

/** For a connection that could not be made, broke, or fell silent. `status` when the reply had begun. */
export function broken(facts: RequestFacts, error: unknown, status?: number): SalesforceError {
  const systemCode = codeOf(error);
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  const what = systemCode === '' ? `${/^\w{1,60}$/.test(name) ? name : 'Error'} without a code` : systemCode;
  // Originals carry sockets and pieces of replies.
  const details = { request: label(facts), httpStatus: status, detail: detailOf(message, facts.secrets) };
  if (!facts.sent && UNTRUSTED_CERTIFICATE.test(systemCode)) {
    return new SalesforceError(
      'SALESFORCE_UNTRUSTED',
      `The certificate of ${facts.origin} is not trusted (${what}). Check the instance URL; behind a proxy that opens ` +
        'TLS, give its certificate in NODE_EXTRA_CA_CERTS.',
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
      `${facts.origin} was silent for too long after ${label(facts)} (${what}). Try again later.`,
      lost,
    );
  }
  const when = status === undefined ? 'before the answer' : 'in the middle of the answer';
  return new SalesforceError(
    'SALESFORCE_REPLY_LOST',
    `The connection to ${facts.origin} broke ${when} to ${label(facts)} (${what}). Try again` +
      `${lost.maybeApplied ? ', but look first: the request may have been carried out.' : '.'}`,
    lost,
  );
}

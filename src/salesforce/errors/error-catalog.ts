/**
 * Explains each refusal of the platform: a stable code, a remedy, and when it is final. The first matching rule wins.
 * The platform spells its codes with and without underscores, so they are compared without. A reply without a platform
 * code does not come from the platform itself: whatever its status, it may be transient.
 */
import type { RequestKind } from '../http/call-context.js';

export interface Refusal {
  status: number;
  errorCode: string | undefined;
  message: string;
  kind: RequestKind;
}

interface Meaning {
  code: string;
  remedy: string;
  /** A retry may help although the status suggests otherwise. */
  retryable?: true;
  /** How long it must have been repeated before it is final. @default `REPEATED_MS` */
  believedAfterMs?: number;
}

interface Rule extends Meaning {
  errorCode?: string;
  text?: RegExp;
  kinds?: readonly RequestKind[];
  status?: number;
}

/** A final refusal counts after three within seconds: now and then one is wrong. */
const REPEATED_MS = 2_500;
/** Other servers of the org may learn late of a job or a setting. */
const REPEATED_LONG_MS = 600_000;

/** Reads about a job that may have run: worth retrying for as long as an outage may last. */
const ASKED_FOR_LONG: readonly RequestKind[] = ['info', 'results'];

const JOB_CALLS: readonly RequestKind[] = ['upload', 'close', 'abort', 'info', 'results'];

const RULES: readonly Rule[] = [
  {
    text: /Found multip\w* contents/i,
    code: 'MULTIPLE_CONTENTS',
    remedy: 'The job received its data more than once. Nothing was loaded: abort the job and create a new one.',
    // A retry gains nothing: another job is safe.
    believedAfterMs: 0,
  },
  {
    text: /not valid for use with the REST API|not attached to Agent/i,
    status: 401,
    code: 'SESSION_NOT_FOR_API',
    remedy:
      'A new token does not help: give the connected app the scope "api" and the user the permission "API Enabled".',
  },
  {
    errorCode: 'INVALIDSESSIONID',
    code: 'SESSION_EXPIRED',
    remedy:
      'A freshly renewed token was refused too: check that the user is active and that the session is not bound to other IP addresses.',
  },
  {
    errorCode: 'REQUESTLIMITEXCEEDED',
    text: /\bConcurrent/i,
    code: 'CONCURRENT_LIMIT',
    remedy:
      'Too many long-running requests are active in the org. This usually clears in seconds; if it persists, find the integration that holds them.',
    retryable: true,
  },
  {
    errorCode: 'REQUESTLIMITEXCEEDED',
    code: 'REQUEST_LIMIT_EXCEEDED',
    remedy: "The org's API requests of the last 24 hours are used up. Wait, stop other integrations, or buy more.",
    retryable: true,
  },
  {
    errorCode: 'EXCEEDEDQUOTA',
    code: 'EXCEEDED_QUOTA',
    remedy:
      "The org's bulk allocation of the last 24 hours is used up. Capacity returns as the rolling 24-hour window advances.",
    retryable: true,
  },
  {
    errorCode: 'LIMITEXCEEDED',
    code: 'LIMIT_EXCEEDED',
    remedy: 'A limit of the org is used up for now. Capacity returns as the rolling 24-hour window advances.',
    retryable: true,
  },
  {
    errorCode: 'TXNSECURITYMETERINGERROR',
    code: 'TXN_SECURITY_METERING',
    remedy:
      'A transaction security policy of the org could not be evaluated in time. If it persists, give the user the permission ' +
      '"Exempt from Transaction Security", or change the policy.',
    believedAfterMs: REPEATED_LONG_MS,
  },
  {
    errorCode: 'UNABLETOLOCKROW',
    code: 'UNABLE_TO_LOCK_ROW',
    remedy: 'Another process has locked a record that this request needs. This usually clears in seconds.',
    retryable: true,
  },
  {
    errorCode: 'SERVERUNAVAILABLE',
    code: 'SERVER_UNAVAILABLE',
    remedy: 'Salesforce is busy or in maintenance (status.salesforce.com); this is usually temporary.',
    retryable: true,
  },
  {
    errorCode: 'INVALIDJOBSTATE',
    code: 'INVALID_JOB_STATE',
    remedy: 'The job is already in another state: check it.',
  },
  {
    errorCode: 'INVALIDJOB',
    text: /unable to find object/i,
    code: 'OBJECT_NOT_FOUND',
    remedy: "Give the object's API name (Invoice__c, not Invoice), and check that the user may see it.",
  },
  {
    errorCode: 'INVALIDJOB',
    text: /external id/i,
    code: 'INVALID_EXTERNAL_ID_FIELD',
    remedy: 'Use the API name of a field of this object that is marked as external id.',
  },
  { errorCode: 'INVALIDJOB', code: 'INVALID_JOB', remedy: 'The job cannot be used: create a new one.' },
  {
    errorCode: 'INVALIDENTITY',
    code: 'OBJECT_NOT_SUPPORTED',
    remedy: 'Bulk API 2.0 cannot load this object: load it with another API.',
  },
  {
    errorCode: 'FEATURENOTENABLED',
    text: /hard ?delete/i,
    code: 'HARD_DELETE_NOT_ALLOWED',
    remedy: 'Give the user the permission "Bulk API Hard Delete", or use the operation delete.',
  },
  {
    errorCode: 'FEATURENOTENABLED',
    code: 'FEATURE_NOT_ENABLED',
    remedy: 'An administrator of the org must enable this.',
  },
  {
    errorCode: 'APIDISABLEDFORORG',
    code: 'API_DISABLED',
    remedy: "The org's edition has no API access.",
  },
  {
    errorCode: 'APICURRENTLYDISABLED',
    code: 'API_DISABLED',
    remedy: 'Give the user the permission "API Enabled".',
  },
  {
    errorCode: 'NOTFOUND',
    kinds: JOB_CALLS,
    code: 'JOB_NOT_FOUND',
    believedAfterMs: REPEATED_LONG_MS,
    remedy: 'The job was deleted, is older than seven days, or belongs to another org.',
  },
  {
    errorCode: 'NOTFOUND',
    kinds: ['describe'],
    code: 'OBJECT_NOT_FOUND',
    remedy: "Give the object's API name (Invoice__c, not Invoice), and check that the user may see it.",
  },
  {
    errorCode: 'NOTFOUND',
    code: 'API_NOT_FOUND',
    remedy: 'Check that the instance URL belongs to the org and that the org supports the API version.',
  },
  {
    errorCode: 'METHODNOTALLOWED',
    code: 'METHOD_NOT_ALLOWED',
    remedy: 'Check that the instance URL leads to Salesforce itself and that the API version is at least v41.0.',
  },
];

function ruleFits(rule: Rule, refusal: Refusal, errorCode: string): boolean {
  if (rule.errorCode !== undefined && rule.errorCode !== errorCode) return false;
  if (rule.text !== undefined && !rule.text.test(refusal.message)) return false;
  if (rule.status !== undefined && rule.status !== refusal.status) return false;
  return rule.kinds === undefined || rule.kinds.includes(refusal.kind);
}

const PASSING_STATUS: readonly number[] = [408, 420, 429];

export interface RefusalMeaning {
  code: string;
  remedy: string;
  /** A retry may help. */
  retryable: boolean;
  /** If not retryable: how long it must have been repeated before it is final. */
  believedAfterMs: number;
}

/**
 * Code, remedy and retryability of a reply that is not a success.
 *
 * @param shownCode the platform's code in a form that may be shown, for codes without a rule
 */
export function meaningOf(refusal: Refusal, shownCode = ''): RefusalMeaning {
  const { status, kind } = refusal;
  if (refusal.errorCode === undefined) {
    return {
      code: `SALESFORCE_HTTP_${status}`,
      remedy:
        'The reply has no Salesforce error code: it may come from a proxy. This is usually temporary; if it ' +
        'persists, check the instance URL and the proxy (status.salesforce.com).',
      retryable: true,
      believedAfterMs: 0,
    };
  }
  const errorCode = refusal.errorCode.toUpperCase().replaceAll('_', '');
  const passing = status >= 500 || PASSING_STATUS.includes(status);
  const rule = RULES.find((candidate) => ruleFits(candidate, refusal, errorCode));
  const { code, remedy, believedAfterMs = REPEATED_MS } = rule ?? unknownRefusal(status, shownCode, passing);
  const retryable = passing || rule?.retryable === true || (ASKED_FOR_LONG.includes(kind) && code !== 'JOB_NOT_FOUND');
  return { code, remedy, retryable, believedAfterMs: retryable ? 0 : believedAfterMs };
}

function unknownRefusal(status: number, shownCode: string, passing: boolean): Meaning {
  const own = shownCode
    .toUpperCase()
    .replace(/[^A-Z0-9_]+/g, '_')
    .slice(0, 80);
  return {
    code: own === '' ? `SALESFORCE_HTTP_${status}` : `SALESFORCE_${own}`,
    remedy: passing
      ? 'This is usually a brief problem at Salesforce: try again later (status.salesforce.com).'
      : "If it persists, change the request or the user's permissions.",
  };
}

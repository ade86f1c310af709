/**
 * What each refusal of the platform means for a person: a stable code and what to do about it. The first rule that
 * fits wins. The platform spells its codes with and without underscores, so they are compared without.
 */
import type { RequestKind } from './context.js';

export interface Refusal {
  status: number;
  errorCode: string | undefined;
  message: string;
  kind: RequestKind;
}

interface Meaning {
  code: string;
  remedy: string;
  /** Trying again may help although the status says otherwise. */
  retryable?: true;
}

interface Rule extends Meaning {
  errorCode?: string;
  text?: RegExp;
  kinds?: readonly RequestKind[];
  status?: number;
}

const JOB_CALLS: readonly RequestKind[] = ['upload', 'close', 'abort', 'info', 'results'];

const RULES: readonly Rule[] = [
  {
    text: /Found multip\w* contents/i,
    code: 'MULTIPLE_CONTENTS',
    remedy: 'The job received its data more than once. Nothing was loaded: abort the job and create another one.',
  },
  {
    text: /not valid for use with the REST API|not attached to Agent/i,
    status: 401,
    code: 'SESSION_NOT_FOR_API',
    remedy:
      'A new token would not help: give the connected app the scope "api" and the user the permission "API Enabled".',
  },
  {
    errorCode: 'INVALIDSESSIONID',
    code: 'SESSION_EXPIRED',
    remedy:
      'A freshly renewed token was refused too: check that the user is active and that the session is not bound to other IP addresses.',
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
    remedy: "The org's bulk allocation of the last 24 hours is used up. It frees itself as the day rolls on.",
    retryable: true,
  },
  {
    errorCode: 'SERVERUNAVAILABLE',
    code: 'SERVER_UNAVAILABLE',
    remedy: 'Salesforce is busy or in maintenance (status.salesforce.com); this usually passes.',
    retryable: true,
  },
  {
    errorCode: 'INVALIDJOBSTATE',
    code: 'INVALID_JOB_STATE',
    remedy: 'The job has moved on already: look at its state.',
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
    remedy: 'Give the API name of a field of this object that is marked as external id.',
  },
  { errorCode: 'INVALIDJOB', code: 'INVALID_JOB', remedy: 'The job cannot be used as it is: create another one.' },
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
    remedy: 'An administrator of the org must switch this on.',
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
    remedy: 'Check that the instance URL is that of the org and that the org knows the API version.',
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

const RETRYABLE_STATUS: readonly number[] = [408, 420, 429];

/**
 * Code, remedy and whether trying again may help, for a reply that is not a success.
 *
 * @param shownCode the platform's code as it may be shown, for those that no rule knows
 */
export function meaningOf(refusal: Refusal, shownCode = ''): { code: string; remedy: string; retryable: boolean } {
  const errorCode = (refusal.errorCode ?? '').toUpperCase().replaceAll('_', '');
  const passing = refusal.status >= 500 || RETRYABLE_STATUS.includes(refusal.status);
  const rule = RULES.find((candidate) => ruleFits(candidate, refusal, errorCode));
  if (rule !== undefined) {
    return { code: rule.code, remedy: rule.remedy, retryable: passing || rule.retryable === true };
  }
  const own = shownCode
    .toUpperCase()
    .replace(/[^A-Z0-9_]+/g, '_')
    .slice(0, 80);
  return {
    code: own === '' ? `SALESFORCE_HTTP_${refusal.status}` : `SALESFORCE_${own}`,
    remedy: passing
      ? 'This is usually brief trouble on the side of Salesforce: try again later (status.salesforce.com).'
      : 'The same request will be refused again: what it asks for, or the rights of the user, must change.',
    retryable: passing,
  };
}

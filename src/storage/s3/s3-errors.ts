/** Errors of S3, each with a remedy. A store's own message may repeat keys, so only its code is shown. */
import { STORE_UNAVAILABLE } from '../../domain/store-outage.js';
import { NightloadError } from '../../errors.js';
import { shownPath } from '../../domain/text/shown.js';

/** What the SDK's errors have. */
interface S3Failure {
  name?: unknown;
  Code?: unknown;
  $metadata?: { httpStatusCode?: number };
}

const NOT_THERE: readonly string[] = ['NotFound', 'NoSuchKey'];
const NOT_MET: readonly string[] = ['PreconditionFailed'];
const NO_LOGIN: readonly string[] = [
  'CredentialsProviderError',
  'TokenProviderError',
  'UnrecognizedClientException',
  'ExpiredToken',
  'ExpiredTokenException',
  'InvalidAccessKeyId',
  'SignatureDoesNotMatch',
  'InvalidToken',
  'TokenRefreshRequired',
];

export function statusOf(error: unknown): number | undefined {
  return (error as S3Failure | undefined)?.$metadata?.httpStatusCode;
}

function nameOf(error: unknown): string {
  const { name, Code } = (error ?? {}) as S3Failure;
  const code = typeof Code === 'string' ? Code : name;
  return typeof code === 'string' && /^[A-Za-z0-9.]{1,60}$/.test(code) ? code : 'Error';
}

export function isMissingObject(error: unknown): boolean {
  return NOT_THERE.includes(nameOf(error)) || (statusOf(error) === 404 && nameOf(error) !== 'NoSuchBucket');
}

export function isConditionNotMet(error: unknown): boolean {
  return NOT_MET.includes(nameOf(error)) || statusOf(error) === 412;
}

/** Another write of the same object was under way. */
export function isConflict(error: unknown): boolean {
  return statusOf(error) === 409;
}

/** A person can fix the problem, and then the step resumes: all of them may be repeated. */
export function s3Error(error: unknown, location: string): unknown {
  if (error instanceof NightloadError || (error as Error | undefined)?.name === 'AbortError') return error;
  const [, bucket = ''] = /^s3:\/\/([^/]*)/.exec(location) ?? [];
  const name = nameOf(error);
  const status = statusOf(error);
  const made = (code: string, message: string): NightloadError =>
    new NightloadError(code, message, { retryable: true, cause: error });
  if (name === 'NoSuchBucket') {
    return made(
      'STORE_BUCKET_NOT_FOUND',
      `The bucket ${shownPath(bucket)} does not exist. Check its name, and AWS_REGION and AWS_ENDPOINT_URL_S3 of the worker.`,
    );
  }
  if (NO_LOGIN.includes(name)) {
    return made(
      'STORE_CREDENTIALS_INVALID',
      `The worker has no valid credentials for S3 (${name}). Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile ` +
        'or a role for the worker, and restart it; the load resumes by itself.',
    );
  }
  if (status === 401 || status === 403) {
    return made(
      'STORE_ACCESS_DENIED',
      `S3 refuses access to ${shownPath(location)} (${name}). Give the worker's credentials the permissions in docs/storage.md; ` +
        'the load resumes by itself.',
    );
  }
  if (status === 301 || name === 'PermanentRedirect' || name === 'AuthorizationHeaderMalformed') {
    return made(
      'STORE_NOT_CONFIGURED',
      `The bucket ${shownPath(bucket)} is in another region. Set the worker's AWS_REGION to it and restart the worker.`,
    );
  }
  if (status === 501) {
    return made(
      'STORE_NOT_SUPPORTED',
      `The store of ${shownPath(bucket)} lacks a feature of S3 that nightload needs (${name}): docs/storage.md lists them.`,
    );
  }
  const isRegion = error instanceof Error && status === undefined && /region is missing/i.test(error.message);
  if (isRegion) return made('STORE_NOT_CONFIGURED', 'No region is set for S3. Set AWS_REGION and restart the worker.');
  return made(
    STORE_UNAVAILABLE,
    `S3 cannot serve ${shownPath(location)} now (${name}${status === undefined ? '' : `, HTTP ${status}`}). ` +
      'Check the network and the store; the load resumes by itself.',
  );
}

export function objectChanged(location: string, cause: unknown): NightloadError {
  return new NightloadError(
    'SOURCE_CHANGED',
    `${shownPath(location)} was changed or deleted while it was being read. Start the load again once it is complete.`,
    { cause },
  );
}

/**
 * Temporal's own errors as nightload errors: a code, what happened, what to do, and whether a retry may help.
 * Recognized by shape, so that errors of clients and workers are treated alike.
 */
import { NightloadError } from '../errors.js';
import { plainText, withCauses } from '../domain/text/plain-text.js';

/** Temporal was unreachable or refused to answer: that says nothing about the load. */
export class TemporalError extends NightloadError {}

/** The Temporal server that was called, as far as known. */
export interface TemporalPlace {
  address?: string | undefined;
  namespace?: string | undefined;
}

interface Status {
  code: number;
  details: string;
}

/** gRPC status codes. */
const CANCELLED = 1;
const INVALID_ARGUMENT = 3;
const DEADLINE_EXCEEDED = 4;
const NOT_FOUND = 5;
const PERMISSION_DENIED = 7;
const RESOURCE_EXHAUSTED = 8;
const FAILED_PRECONDITION = 9;
const UNAVAILABLE = 14;
const UNAUTHENTICATED = 16;
/** UNKNOWN, ABORTED, INTERNAL, DATA_LOSS: the server, or something in front of it, failed. */
const BROKEN = [2, 10, 13, 15];

/** By gRPC in this process: the answer exceeds its limit. A server that refuses a request writes "grpc: received …". */
const RECEIVED_TOO_MUCH = /^Received message larger than max/;

/** Codes as the worker's library writes them: `code: NotFound`, or `code: 'Some requested entity was not found'`. */
const NATIVE_CODES: Record<string, number> = {
  'Some requested entity was not found': NOT_FOUND,
  'The caller does not have permission to execute the specified operation': PERMISSION_DENIED,
  'Some resource has been exhausted': RESOURCE_EXHAUSTED,
  'The request does not have valid authentication credentials': UNAUTHENTICATED,
  'Client specified an invalid argument': INVALID_ARGUMENT,
  'The service is currently unavailable': UNAVAILABLE,
  'Deadline expired before operation could complete': DEADLINE_EXCEEDED,
  NotFound: NOT_FOUND,
  PermissionDenied: PERMISSION_DENIED,
  ResourceExhausted: RESOURCE_EXHAUSTED,
  Unauthenticated: UNAUTHENTICATED,
  InvalidArgument: INVALID_ARGUMENT,
  Unavailable: UNAVAILABLE,
  DeadlineExceeded: DEADLINE_EXCEEDED,
};

/** The Temporal server that a client calls. */
export function placeOf(client: { connection: unknown; options: { namespace: string } }): TemporalPlace {
  const { options } = client.connection as { options?: { address?: string } };
  return { address: options?.address, namespace: client.options.namespace };
}

/** The meaning of a refusal or silence of Temporal; undefined for an error that is not Temporal's own. */
export function temporalError(error: unknown, place: TemporalPlace = {}): NightloadError | undefined {
  if (error instanceof NightloadError) return error instanceof TemporalError ? error : undefined;
  const status = statusOf(error);
  if (status === undefined) return undefined;
  const { address = '', namespace = '' } = place;
  const server = address === '' ? 'the Temporal server' : `the Temporal server at ${address}`;
  const why = plainText(status.details, 300) || withCauses(error, 300);
  const refused = (code: string, message: string): TemporalError => new TemporalError(code, message, { cause: error });
  const passing = (code: string, message: string): TemporalError =>
    new TemporalError(code, message, { cause: error, retryable: true });
  switch (status.code) {
    case NOT_FOUND:
      // Everything else that is not found has its own errors.
      if (!/namespace/i.test(status.details)) return undefined;
      return refused(
        'TEMPORAL_NAMESPACE_NOT_FOUND',
        `The namespace "${namespace}" does not exist on ${server}. Set TEMPORAL_NAMESPACE to an existing one, or create it: ` +
          `temporal operator namespace create --namespace ${namespace}`,
      );
    case PERMISSION_DENIED:
      return refused(
        'TEMPORAL_PERMISSION_DENIED',
        `${capital(server)} does not permit this in the namespace "${namespace}" (${why}). Check the name in TEMPORAL_NAMESPACE, ` +
          'and that the API key or the client certificate has access to it.',
      );
    case UNAUTHENTICATED:
      return refused(
        'TEMPORAL_UNAUTHENTICATED',
        `${capital(server)} did not authenticate this client (${why}). Set TEMPORAL_API_KEY to a valid key, or ` +
          'TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH to a certificate that it trusts.',
      );
    case RESOURCE_EXHAUSTED:
      if (isTooLargeStatus(status)) return answerTooLarge(why, error);
      if (/larger than max/i.test(status.details)) return tooLarge(why, error);
      return passing(
        'TEMPORAL_OVERLOADED',
        `${capital(server)} accepts no more requests for now (${why}). Try again later; if the error persists, raise the limits of the namespace, or send fewer concurrent requests.`,
      );
    case INVALID_ARGUMENT:
      if (/size exceeds limit|too large/i.test(status.details)) return tooLarge(why, error);
      break;
    case FAILED_PRECONDITION:
      if (/task in failed state/i.test(status.details)) {
        return new NightloadError(
          'WORKFLOW_TASK_FAILED',
          `The load cannot answer: a worker fails whenever it runs its workflow (${why}). \`nightload status\` shows why.`,
          { cause: error, retryable: true },
        );
      }
      if (/no poller/i.test(status.details)) return noWorker(why, error);
      break;
    case DEADLINE_EXCEEDED:
      if (/before a worker/i.test(status.details)) return noWorker(why, error);
      return passing('TEMPORAL_NOT_REACHABLE', `${capital(server)} did not answer in time (${why}).`);
    case CANCELLED:
      // Canceled by the caller: the answer is no longer needed.
      if (/cancelled on client/i.test(status.details)) return undefined;
      return passing('TEMPORAL_NOT_REACHABLE', `${capital(server)} canceled the call (${why}).`);
    case UNAVAILABLE:
      return passing(
        'TEMPORAL_NOT_REACHABLE',
        `${capital(server)} does not answer (${why}). Check TEMPORAL_ADDRESS and the server; \`nightload dev\` starts one for development.`,
      );
  }
  if (BROKEN.includes(status.code)) {
    return passing(
      'TEMPORAL_FAILED',
      `${capital(server)}, or a proxy in front of it, failed: ${withCauses(error, 400)}.`,
    );
  }
  return refused('TEMPORAL_REFUSED', `${capital(server)} refused: ${withCauses(error, 400)}.`);
}

/** Whether it is a refusal, a silence or a cancellation of a call: it has a gRPC status. */
export function hasStatus(error: unknown): boolean {
  return statusOf(error) !== undefined;
}

/** Whether Temporal found the call itself invalid, such as a query that names an unknown search attribute. */
export function isInvalidArgument(error: unknown): boolean {
  return statusOf(error instanceof TemporalError ? error.cause : error)?.code === INVALID_ARGUMENT;
}

/** A Temporal error as a nightload error; any other unchanged. */
export function asTemporalError(error: unknown, place: TemporalPlace): unknown {
  return temporalError(error, place) ?? error;
}

/** Whether an answer was refused here because of its size; a smaller page may fit. */
export function isTooLarge(error: unknown): boolean {
  const status = statusOf(error);
  return status !== undefined && isTooLargeStatus(status);
}

export function isTooLargeStatus({ code, details }: Status): boolean {
  return code === RESOURCE_EXHAUSTED && RECEIVED_TOO_MUCH.test(details);
}

function answerTooLarge(why: string, cause: unknown): NightloadError {
  return new NightloadError(
    'TEMPORAL_ANSWER_TOO_LARGE',
    `Temporal's answer about this workflow is larger than nightload accepts (${why}). No load produces this much: it comes from the program that started the workflow, or ` +
      'from another client that completes its steps. Check it in the Temporal UI, and terminate it there if it is not yours.',
    { cause },
  );
}

function tooLarge(why: string, cause: unknown): NightloadError {
  return new NightloadError(
    'INPUT_TOO_LARGE',
    `The input is larger than Temporal accepts (${why}). Make columns, constants and fixes smaller.`,
    { cause },
  );
}

function noWorker(why: string, cause: unknown): NightloadError {
  return new NightloadError(
    'NO_WORKER',
    `No worker answers (${why}). Start \`nightload worker\` with the same NIGHTLOAD_TASK_QUEUE, and try again.`,
    { cause, retryable: true },
  );
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** The gRPC status in an error of the client, its raw calls, or a worker. */
function statusOf(error: unknown): Status | undefined {
  for (let found = error, depth = 0; found instanceof Error && depth < 8; found = found.cause, depth++) {
    if (found.name === 'NamespaceNotFoundError') return { code: NOT_FOUND, details: found.message };
    const { code, details } = found as { code?: unknown; details?: unknown };
    // A worker's connection has its details as bytes.
    if (typeof code === 'number' && 'metadata' in found)
      return { code, details: typeof details === 'string' && details !== '' ? details : found.message };
    if (found.name === 'TransportError') return nativeStatus(found.message);
    // Others, such as a workflow failure, are about the load's outcome.
    if (found.name !== 'ServiceError' && found.name !== 'WorkflowUpdateRPCTimeoutOrCancelledError') return undefined;
  }
  return undefined;
}

function nativeStatus(text: string): Status {
  const [, name = '', details] = /code: '?([\w ]+)'?, message: "((?:[^"\\]|\\.)*)"/.exec(text) ?? [];
  return { code: NATIVE_CODES[name] ?? UNAVAILABLE, details: details ?? text };
}

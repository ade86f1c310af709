/**
 * Errors of Temporal itself, in nightload's words: a code, what happened, what to do, and whether asking again may help.
 * Told by their shape, so that those of a client and those of a worker are read alike.
 */
import { NightloadError } from './errors.js';
import { plainText, withCauses } from './plain-text.js';

/** Temporal could not be asked, or did not want to answer: it says nothing about the load. */
export class TemporalError extends NightloadError {}

/** Which Temporal was asked, as far as it is known. */
export interface TemporalPlace {
  address?: string | undefined;
  namespace?: string | undefined;
}

interface Status {
  code: number;
  details: string;
}

/** Numbers of gRPC's status codes. */
const CANCELLED = 1;
const INVALID_ARGUMENT = 3;
const DEADLINE_EXCEEDED = 4;
const NOT_FOUND = 5;
const PERMISSION_DENIED = 7;
const RESOURCE_EXHAUSTED = 8;
const FAILED_PRECONDITION = 9;
const UNAVAILABLE = 14;
const UNAUTHENTICATED = 16;
/** UNKNOWN, ABORTED, INTERNAL, DATA_LOSS: the server, or something before it, failed. */
const BROKEN = [2, 10, 13, 15];

/** How the worker's library writes them: `code: NotFound`, or `code: 'Some requested entity was not found'`. */
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

/** Which Temporal a client asks. */
export function placeOf(client: { connection: unknown; options: { namespace: string } }): TemporalPlace {
  const { options } = client.connection as { options?: { address?: string } };
  return { address: options?.address, namespace: client.options.namespace };
}

/** What a refusal, or a silence, of Temporal means; undefined of an error that is not Temporal's own. */
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
      // What else is not found has errors of its own.
      if (!/namespace/i.test(status.details)) return undefined;
      return refused(
        'TEMPORAL_NAMESPACE_NOT_FOUND',
        `There is no namespace "${namespace}" on ${server}. Set TEMPORAL_NAMESPACE to one that it has, or create it: ` +
          `temporal operator namespace create --namespace ${namespace}`,
      );
    case PERMISSION_DENIED:
      return refused(
        'TEMPORAL_PERMISSION_DENIED',
        `${capital(server)} does not permit this in the namespace "${namespace}" (${why}). Check the name in TEMPORAL_NAMESPACE, ` +
          'and that the API key or the client certificate belongs to somebody who may use it.',
      );
    case UNAUTHENTICATED:
      return refused(
        'TEMPORAL_UNAUTHENTICATED',
        `${capital(server)} does not know who asks (${why}). Set TEMPORAL_API_KEY to a key that is valid, or ` +
          'TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH to a certificate that it trusts.',
      );
    case RESOURCE_EXHAUSTED:
      if (/larger than max/i.test(status.details)) return tooLarge(why, error);
      return passing(
        'TEMPORAL_OVERLOADED',
        `${capital(server)} takes no more requests for now (${why}). Try again later; if it stays, raise the limits of the namespace, or send fewer requests at a time.`,
      );
    case INVALID_ARGUMENT:
      if (/size exceeds limit|too large/i.test(status.details)) return tooLarge(why, error);
      break;
    case FAILED_PRECONDITION:
      if (/task in failed state/i.test(status.details)) {
        return new NightloadError(
          'WORKFLOW_TASK_FAILED',
          `The load cannot be asked: a worker fails whenever it runs its workflow (${why}). \`nightload status\` shows why.`,
          { cause: error, retryable: true },
        );
      }
      if (/no poller/i.test(status.details)) return noWorker(why, error);
      break;
    case DEADLINE_EXCEEDED:
      if (/before a worker/i.test(status.details)) return noWorker(why, error);
      return passing('TEMPORAL_NOT_REACHABLE', `${capital(server)} did not answer in time (${why}).`);
    case CANCELLED:
      // By whoever asked: nobody waits for the answer.
      if (/cancelled on client/i.test(status.details)) return undefined;
      return passing('TEMPORAL_NOT_REACHABLE', `${capital(server)} broke the call off (${why}).`);
    case UNAVAILABLE:
      return passing(
        'TEMPORAL_NOT_REACHABLE',
        `${capital(server)} does not answer (${why}). Check TEMPORAL_ADDRESS and the server; \`nightload dev\` starts one for development.`,
      );
  }
  if (BROKEN.includes(status.code)) {
    return passing('TEMPORAL_FAILED', `${capital(server)}, or a proxy before it, failed: ${withCauses(error, 400)}.`);
  }
  return refused('TEMPORAL_REFUSED', `${capital(server)} refused: ${withCauses(error, 400)}.`);
}

/** An error of Temporal in nightload's words; every other one as it is. */
export function asTemporalError(error: unknown, place: TemporalPlace): unknown {
  return temporalError(error, place) ?? error;
}

function tooLarge(why: string, cause: unknown): NightloadError {
  return new NightloadError(
    'INPUT_TOO_LARGE',
    `Temporal takes no input as large as this one (${why}). Make columns, constants and fixes smaller.`,
    { cause },
  );
}

function noWorker(why: string, cause: unknown): NightloadError {
  return new NightloadError(
    'NO_WORKER',
    `No worker answers (${why}). Start \`nightload worker\`, with the same NIGHTLOAD_TASK_QUEUE, and ask again.`,
    { cause, retryable: true },
  );
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** gRPC's status in an error of the client, of its raw calls, or of a worker. */
function statusOf(error: unknown): Status | undefined {
  for (let found = error, depth = 0; found instanceof Error && depth < 8; found = found.cause, depth++) {
    if (found.name === 'NamespaceNotFoundError') return { code: NOT_FOUND, details: found.message };
    const { code, details } = found as { code?: unknown; details?: unknown };
    // A worker's connection has its details as bytes.
    if (typeof code === 'number' && 'metadata' in found)
      return { code, details: typeof details === 'string' && details !== '' ? details : found.message };
    if (found.name === 'TransportError') return nativeStatus(found.message);
    // Others, such as the failure of a workflow, say what became of a load.
    if (found.name !== 'ServiceError' && found.name !== 'WorkflowUpdateRPCTimeoutOrCancelledError') return undefined;
  }
  return undefined;
}

function nativeStatus(text: string): Status {
  const [, name = '', details] = /code: '?([\w ]+)'?, message: "((?:[^"\\]|\\.)*)"/.exec(text) ?? [];
  return { code: NATIVE_CODES[name] ?? UNAVAILABLE, details: details ?? text };
}

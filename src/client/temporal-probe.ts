/**
 * Finds why a connection to Temporal failed. gRPC reports only that it did: the same address is tried again step by
 * step, as a plain socket and with TLS.
 */
import { connect, isIP } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ConnectionOptions as TlsOptions } from 'node:tls';
import { TemporalError, temporalError } from './temporal-errors.js';
import { withCauses } from '../domain/text/plain-text.js';

/** The connection options that decide whether the two sides understand each other. */
export interface Reach {
  address: string;
  namespace?: string;
  /** `host:port` of the proxy in between. */
  proxy?: string | undefined;
  tls?:
    | boolean
    | null
    | undefined
    | {
        serverNameOverride?: string | null;
        serverRootCACertificate?: Uint8Array | null;
        clientCertPair?: { crt: Uint8Array; key: Uint8Array } | null;
      };
}

const STEP_LIMIT_MS = 3_000;
/** With TLS 1.3 a server that requires a certificate reports it after the handshake. */
const AFTERTHOUGHT_MS = 500;
const DEFAULT_PORT = 7233;
const CLOSED = 'it closed the connection after the handshake';

type Answer = 'open' | 'silent' | (Error & { code?: string });

/** What to do about a connection that failed with `error`. */
export async function whyNotConnected(error: unknown, reach: Reach): Promise<TemporalError> {
  const told = temporalError(error, reach);
  // Reported by the server itself: the connection is not the problem.
  if (told instanceof TemporalError && !['TEMPORAL_NOT_REACHABLE', 'TEMPORAL_FAILED'].includes(told.code)) return told;
  if (reach.proxy !== undefined) {
    // The steps below would bypass the proxy.
    return new TemporalError(
      'TEMPORAL_NOT_REACHABLE',
      `No Temporal server answers at ${reach.address} through the proxy ${reach.proxy} (${withCauses(error, 200)}). ` +
        'Check TEMPORAL_ADDRESS, TEMPORAL_TLS_* and HTTPS_PROXY, or exclude the host with NO_PROXY.',
      { cause: error, retryable: true },
    );
  }
  const { host, port } = hostAndPort(reach.address);
  const socket = await answerOf((done) => connect({ host, port }, done));
  if (socket !== 'open') {
    const why = socket === 'silent' ? `nothing answers within ${STEP_LIMIT_MS / 1000} s` : withCauses(socket, 200);
    return new TemporalError(
      'TEMPORAL_NOT_REACHABLE',
      `No Temporal server answers at ${reach.address} (${why}). Start one with \`nightload dev\`, or set TEMPORAL_ADDRESS.`,
      { cause: error, retryable: true },
    );
  }
  const advice = reach.tls ? await overTls(reach, host, port) : await plain(host, port);
  if (advice === undefined) {
    return new TemporalError(
      'TEMPORAL_SILENT',
      `A server accepts connections at ${reach.address}, but it does not answer like Temporal (${withCauses(error, 200)}). ` +
        'If it, or this machine, is busy, try again. Otherwise check the port in TEMPORAL_ADDRESS: ' +
        "Temporal's is usually 7233, and its UI has another port.",
      { cause: error, retryable: true },
    );
  }
  return new TemporalError('TEMPORAL_CONNECTION_REFUSED', `A server answers at ${reach.address}, but ${advice}`, {
    cause: error,
  });
}

async function plain(host: string, port: number): Promise<string | undefined> {
  const answer = await handshake({ host, port, rejectUnauthorized: false });
  if (answer !== 'open' && !wantsCertificate(answer)) return undefined;
  return (
    'it uses TLS and this program does not. Set TEMPORAL_TLS=true; for a private CA also ' +
    'TEMPORAL_TLS_SERVER_CA_CERT_PATH, and TEMPORAL_API_KEY, or TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH, if it asks for them.'
  );
}

async function overTls({ tls }: Reach, host: string, port: number): Promise<string | undefined> {
  const { serverNameOverride, serverRootCACertificate, clientCertPair } = typeof tls === 'object' && tls ? tls : {};
  const options: TlsOptions = {
    host,
    port,
    ...(serverRootCACertificate && { ca: Buffer.from(serverRootCACertificate) }),
    ...(clientCertPair && { cert: Buffer.from(clientCertPair.crt), key: Buffer.from(clientCertPair.key) }),
    ...(serverNameOverride && { servername: serverNameOverride }),
  };
  const answer = await handshake(options);
  if (answer === 'open') {
    return serverRootCACertificate || clientCertPair
      ? 'the worker rejects its certificate, or it is not Temporal. The certificate of a server must not be a CA certificate itself: set TEMPORAL_TLS_SERVER_CA_CERT_PATH to the CA that signed it.'
      : undefined;
  }
  if (answer === 'silent') return 'it does not answer over TLS. Check the port in TEMPORAL_ADDRESS.';
  const { code = '' } = answer;
  const why = withCauses(answer, 200);
  if (wantsCertificate(answer)) {
    return `it rejects this program's certificate (${why}). Set TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH to a pair that it trusts and that has not expired.`;
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return `its certificate is for another name (${why}). Set TEMPORAL_TLS_SERVER_NAME to a name in the certificate, if it is the right server.`;
  }
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID') {
    return `its certificate is not valid now (${why}). Renew it on the server; check the clocks of both machines.`;
  }
  if (/SIGNED|ISSUER|VERIFY|UNTRUSTED|CERT_/.test(code)) {
    return `its certificate is not signed by a CA that this program trusts (${why}). Set TEMPORAL_TLS_SERVER_CA_CERT_PATH to the certificate of the CA that signed it.`;
  }
  return `it does not use TLS and this program does (${why}). Unset TEMPORAL_TLS and TEMPORAL_TLS_*, or set TEMPORAL_TLS=false; TEMPORAL_API_KEY turns TLS on.`;
}

function wantsCertificate(answer: Answer): boolean {
  if (!(answer instanceof Error)) return false;
  const { message } = answer;
  if (message === CLOSED) return true;
  if (/certificate required|bad certificate|unknown ca|handshake failure/i.test(message)) return true;
  return /\balert\b/i.test(message) && /certificate/i.test(message);
}

function handshake(options: TlsOptions): Promise<Answer> {
  // Only a host name is sent to the server; an IP address is verified anyway.
  const { host = '' } = options;
  const servername = options.servername ?? (isIP(host) ? '' : host);
  return answerOf((done) => connectTls({ ...options, servername, ALPNProtocols: ['h2'] }, done), AFTERTHOUGHT_MS);
}

/** Opens a connection, listens for a moment, and closes it. */
function answerOf(open: (done: () => void) => ReturnType<typeof connect>, listenMs = 0): Promise<Answer> {
  return new Promise((resolve) => {
    let timer = setTimeout(() => end('silent'), STEP_LIMIT_MS);
    const end = (answer: Answer): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    const socket = open(() => {
      clearTimeout(timer);
      timer = setTimeout(() => end('open'), listenMs);
    });
    socket.on('error', end);
    socket.on('close', () => end(new Error(CLOSED)));
  });
}

/** `host`, `host:port`, `[::1]:port`, with or without a scheme. */
export function hostAndPort(address: string): { host: string; port: number } {
  const bare = address.replace(/^[a-z]+:\/\//i, '');
  const [, bracketed, named, port] = /^(?:\[([^\]]+)\]|([^:]*))(?::(\d+))?$/.exec(bare) ?? [];
  return { host: bracketed ?? named ?? bare, port: Number(port ?? DEFAULT_PORT) };
}

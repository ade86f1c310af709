/**
 * A gRPC proxy in front of a Temporal server that checks each call, as a cloud does: the caller and its key. It refuses
 * the calls that a test selects.
 */
import { connect, constants, createSecureServer, createServer } from 'node:http2';
import type { IncomingHttpHeaders, SecureServerOptions, ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';

export interface GrpcFront {
  address: string;
  /** Paths of forwarded calls, with their callers. */
  calls: { path: string; key?: string; client?: string }[];
  /** Number of refusals by method, without those for a missing key. */
  refused: Record<string, number>;
  close(): Promise<void>;
}

export interface GrpcFrontOptions {
  /** @default any free one */
  port?: number;
  /** @default no TLS */
  tls?: SecureServerOptions;
  /** Required `authorization` of calls. @default none */
  apiKey?: string;
  /** The first calls of one method get a status instead of a reply. */
  refusal?: {
    /** `DescribeWorkflowExecution` */
    method: string;
    status: number;
    message: string;
    times: number;
  };
}

const UNAUTHENTICATED = 16;
/** Headers of the stream itself, and those that the other connection sets. */
const HOP = new Set(['connection', 'transfer-encoding', 'te', 'host', ':authority', ':scheme']);

export async function grpcFront(
  target: string,
  { port = 0, tls, apiKey, refusal }: GrpcFrontOptions = {},
): Promise<GrpcFront> {
  const calls: GrpcFront['calls'] = [];
  const refused: GrpcFront['refused'] = {};
  const behind = connect(`http://${target}`).on('error', () => undefined);
  const sessions = new Set<ServerHttp2Session>();
  const server = tls === undefined ? createServer() : createSecureServer(tls);
  server.on('session', (session: ServerHttp2Session) => {
    sessions.add(session);
    session.on('close', () => sessions.delete(session)).on('error', () => undefined);
  });
  server.on('tlsClientError', () => undefined);
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    stream.on('error', () => undefined);
    const { authorization } = headers;
    const path = headers[':path'] ?? '';
    if (apiKey !== undefined && authorization !== `Bearer ${apiKey}`) {
      return refuse(stream, UNAUTHENTICATED, 'Request unauthorized.');
    }
    if (refusal !== undefined && path.endsWith(`/${refusal.method}`)) {
      const times = refused[refusal.method] ?? 0;
      if (times < refusal.times) {
        refused[refusal.method] = times + 1;
        return refuse(stream, refusal.status, refusal.message);
      }
    }
    const socket = stream.session?.socket as Partial<TLSSocket> | undefined;
    const subject = socket?.getPeerCertificate?.()?.subject as { CN?: string } | undefined;
    calls.push({
      path,
      ...(authorization !== undefined && { key: authorization }),
      ...(subject?.CN !== undefined && { client: subject.CN }),
    });
    passOn(stream, headers);
  });
  await new Promise<void>((done) => server.listen(port, '127.0.0.1', done));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    refused,
    async close() {
      for (const session of sessions) session.destroy();
      behind.destroy();
      await new Promise<void>((done) => server.close(() => done()));
    },
  };

  function refuse(stream: ServerHttp2Stream, status: number, message: string): void {
    const trailers = { 'grpc-status': String(status), 'grpc-message': encodeURIComponent(message) };
    stream.respond({ ':status': 200, 'content-type': 'application/grpc', ...trailers }, { endStream: true });
  }

  function passOn(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    const own = Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP.has(name)));
    const call = behind.request({ ...own, te: 'trailers' });
    stream.pipe(call);
    stream.on('close', () => call.close(constants.NGHTTP2_CANCEL));
    call.on('error', () => stream.close(constants.NGHTTP2_INTERNAL_ERROR));
    let trailers: IncomingHttpHeaders = {};
    call.on('trailers', (found) => (trailers = found));
    call.on('response', (found) => {
      const answered = Object.fromEntries(Object.entries(found).filter(([name]) => !HOP.has(name)));
      if (stream.destroyed) return;
      // A reply that has only trailers contains its status at the start.
      if ('grpc-status' in answered) return stream.respond(answered, { endStream: true });
      stream.respond(answered, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers(trailers));
      call.pipe(stream);
    });
  }
}

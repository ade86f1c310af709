/** TLS before a Temporal server that looks into each call, as a cloud does: who calls, and with which key. */
import { connect, constants, createSecureServer } from 'node:http2';
import type { IncomingHttpHeaders, SecureServerOptions, ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';

export interface GrpcFront {
  address: string;
  /** Paths that were let through, with who asked. */
  calls: { path: string; key?: string; client?: string }[];
  close(): Promise<void>;
}

const UNAUTHENTICATED = '16';
/** A stream's own headers, and what the other connection says itself. */
const HOP = new Set(['connection', 'transfer-encoding', 'te', 'host', ':authority', ':scheme']);

/** @param apiKey what calls must bring as `authorization`; without it every call is let through */
export async function grpcFront(options: SecureServerOptions, target: string, apiKey?: string): Promise<GrpcFront> {
  const calls: GrpcFront['calls'] = [];
  const behind = connect(`http://${target}`);
  behind.on('error', () => undefined);
  const sessions = new Set<ServerHttp2Session>();
  const server = createSecureServer(options);
  server.on('session', (session) => {
    sessions.add(session);
    session.on('close', () => sessions.delete(session));
    session.on('error', () => undefined);
  });
  server.on('tlsClientError', () => undefined);
  server.on('stream', (stream: ServerHttp2Stream, headers) => {
    stream.on('error', () => undefined);
    const { authorization } = headers;
    if (apiKey !== undefined && authorization !== `Bearer ${apiKey}`) {
      const refusal = { 'grpc-status': UNAUTHENTICATED, 'grpc-message': 'Request unauthorized.' };
      stream.respond({ ':status': 200, 'content-type': 'application/grpc', ...refusal }, { endStream: true });
      return;
    }
    const subject = (stream.session?.socket as TLSSocket | undefined)?.getPeerCertificate?.()?.subject as
      { CN?: string } | undefined;
    calls.push({
      path: headers[':path'] ?? '',
      ...(authorization !== undefined && { key: authorization }),
      ...(subject?.CN !== undefined && { client: subject.CN }),
    });
    passOn(stream, headers);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    async close() {
      for (const session of sessions) session.destroy();
      behind.destroy();
      await new Promise((done) => server.close(done));
    },
  };

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
      // An answer that is nothing but trailers says its status at once.
      if ('grpc-status' in answered) return stream.respond(answered, { endStream: true });
      stream.respond(answered, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers(trailers));
      call.pipe(stream);
    });
  }
}

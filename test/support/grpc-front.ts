/** A gRPC proxy before a Temporal server, which refuses the calls that a test names with a status of its choice. */
import { connect, createServer } from 'node:http2';
import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';

export interface GrpcFront {
  address: string;
  /** How often each method was refused. */
  refused: Record<string, number>;
  close(): Promise<void>;
}

export interface GrpcRefusal {
  /** `DescribeWorkflowExecution` */
  method: string;
  status: number;
  message: string;
  times: number;
}

export async function grpcFront(target: string, { method, status, message, times }: GrpcRefusal): Promise<GrpcFront> {
  const refused: Record<string, number> = {};
  const sessions = new Set<ServerHttp2Session>();
  const behind = connect(`http://${target}`).on('error', () => undefined);
  const server = createServer();
  server.on('session', (session) => {
    sessions.add(session);
    session.on('close', () => sessions.delete(session)).on('error', () => undefined);
  });
  server.on('stream', (stream: ServerHttp2Stream, headers) => {
    stream.on('error', () => undefined);
    const asked = String(headers[':path']).split('/').at(-1) ?? '';
    if (asked === method && (refused[method] ?? 0) < times) {
      refused[method] = (refused[method] ?? 0) + 1;
      const trailers = { 'grpc-status': String(status), 'grpc-message': encodeURIComponent(message) };
      stream.respond({ ':status': 200, 'content-type': 'application/grpc', ...trailers }, { endStream: true });
      return;
    }
    const { ':authority': _own, ...passed } = headers;
    const onward = behind.request({ ...passed, ':authority': target });
    onward.on('error', () => stream.close());
    onward.on('response', (reply) => {
      if (stream.destroyed) return;
      stream.respond(reply, { waitForTrailers: true });
      onward.pipe(stream);
    });
    let trailers = {};
    onward.on('trailers', (found) => (trailers = found));
    stream.on('wantTrailers', () => stream.sendTrailers(trailers));
    stream.on('close', () => onward.close());
    stream.pipe(onward);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    refused,
    async close() {
      behind.destroy();
      for (const session of sessions) session.destroy();
      await new Promise<void>((done) => server.close(() => done()));
    },
  };
}

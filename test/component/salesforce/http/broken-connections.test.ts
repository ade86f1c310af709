import { createServer as createTcpServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { broken } from '../../../../src/salesforce/errors/to-salesforce-error.js';
import { bodyOf, connectTo, errorOf, failure, JOB, json, startOrg, watch } from '../../../helpers/salesforce.js';

const spec = { object: 'Account', operation: 'insert' } as const;

async function listening(server: {
  listen: (port: number, host: string, done: () => void) => unknown;
  address: () => unknown;
  close: () => unknown;
}): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

describe('a connection that cannot be established', () => {
  it('is retryable, and nothing can have been carried out', async () => {
    const error = await failure(connectTo({ url: 'http://127.0.0.1:1' }).createJob(spec, watch()));
    expect(error).toMatchObject({ code: 'SALESFORCE_UNREACHABLE', retryable: true, maybeApplied: false });
    expect(error['message']).toContain('ECONNREFUSED');
    expect(error['httpStatus']).toBeUndefined();
  });

  it('is retryable if the name cannot be resolved', async () => {
    const error = await failure(connectTo({ url: 'https://nobody.invalid' }).createJob(spec, watch()));
    expect(error).toMatchObject({ code: 'SALESFORCE_UNREACHABLE', retryable: true, maybeApplied: false });
  });

  it('is retryable when TLS is cut off', async () => {
    const port = await listening(createTcpServer((socket) => socket.once('data', () => socket.destroy())));
    const error = await failure(connectTo({ url: `https://127.0.0.1:${port}` }).createJob(spec, watch()));
    expect(error).toMatchObject({ code: 'SALESFORCE_UNREACHABLE', retryable: true, maybeApplied: false });
  });

  it('times out if the handshake does not complete, and an abort does not wait for that', async () => {
    const port = await listening(createTcpServer((socket) => socket.on('error', () => undefined)));
    const url = `https://127.0.0.1:${port}`;
    const timed = await failure(connectTo({ url }, { timeouts: { connect: 300 } }).createJob(spec, watch()));
    expect(timed).toMatchObject({ code: 'SALESFORCE_UNREACHABLE', retryable: true });
    expect(timed['message']).toContain('UND_ERR_CONNECT_TIMEOUT');

    const reason = new Error('the load was cancelled');
    const stop = new AbortController();
    setTimeout(() => stop.abort(reason), 50);
    const started = Date.now();
    expect(await errorOf(connectTo({ url }, { timeouts: { connect: 3000 } }).createJob(spec, watch(stop.signal)))).toBe(
      reason,
    );
    expect(Date.now() - started).toBeLessThan(1000);
  });

  it.each([
    'DEPTH_ZERO_SELF_SIGNED_CERT',
    'CERT_HAS_EXPIRED',
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    'ERR_TLS_CERT_ALTNAME_INVALID',
  ])('is final if the certificate is not trusted: %s', (code) => {
    const facts = {
      kind: 'info',
      method: 'GET',
      origin: 'https://a.b',
      path: '/x',
      incomplete: false,
      secrets: [],
    } as const;
    const error = broken({ ...facts, sent: false }, Object.assign(new Error('certificate'), { code }));
    expect(error).toMatchObject({ code: 'SALESFORCE_UNTRUSTED', retryable: false, maybeApplied: false });
    expect(error.message).toContain('NODE_EXTRA_CA_CERTS');
  });
});

describe('a lost reply', () => {
  it('leaves a change undecided, but not a read', async () => {
    const org = await startOrg(async (request) => {
      await bodyOf(request);
      request.socket.destroy();
    });
    const connection = connectTo(org);
    const context = watch();
    const lost = { code: 'SALESFORCE_REPLY_LOST', retryable: true, httpStatus: undefined };
    expect(await failure(connection.createJob(spec, context))).toMatchObject({ ...lost, maybeApplied: true });
    expect(await failure(connection.closeJob(JOB, context))).toMatchObject({ ...lost, maybeApplied: true });
    expect(await failure(connection.getJob(JOB, context))).toMatchObject({ ...lost, maybeApplied: false });
    expect(context.kinds).toEqual(['create', 'close', 'info']);
    expect(org.received).toHaveLength(3);
  });

  it('is distinguished from a reply that broke off in the middle', async () => {
    const org = await startOrg((request, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' });
      response.write('{"id":"750');
      setTimeout(() => request.socket.destroy(), 20);
    });
    const error = await failure(connectTo(org).createJob(spec, watch()));
    expect(error).toMatchObject({
      code: 'SALESFORCE_REPLY_LOST',
      retryable: true,
      maybeApplied: true,
      httpStatus: 200,
    });
    expect(error['message']).toContain('in the middle of the answer');
  });

  it("is transient if a refusal's text broke off, because its code is unknown", async () => {
    const org = await startOrg((request, response) => {
      response.writeHead(403, { 'content-length': '100' });
      response.write('[{"errorCode":"');
      setTimeout(() => request.socket.destroy(), 20);
    });
    const error = await failure(connectTo(org).getJob(JOB, watch()));
    expect(error).toMatchObject({ code: 'SALESFORCE_HTTP_403', retryable: true });
  });

  it('is retryable if the server does not speak HTTP', async () => {
    const port = await listening(
      createTcpServer((socket) => socket.once('data', () => socket.end('220 mail ready\r\n'))),
    );
    const error = await failure(connectTo({ url: `http://127.0.0.1:${port}` }).getJob(JOB, watch()));
    expect(error).toMatchObject({ code: 'SALESFORCE_REPLY_LOST', retryable: true });
  });
});

describe('silence', () => {
  it('ends a request whose reply does not begin, and one whose reply stops', async () => {
    const org = await startOrg((request, response) => {
      if (request.method === 'PATCH') return;
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write('{"id":');
    });
    const connection = connectTo(org, { timeouts: { reply: 300, idle: 300 } });
    const [silent, stopped] = await Promise.all([
      failure(connection.closeJob(JOB, watch())),
      failure(connection.getJob(JOB, watch())),
    ]);
    expect(silent).toMatchObject({ code: 'SALESFORCE_TIMEOUT', retryable: true, maybeApplied: true });
    expect(stopped).toMatchObject({ code: 'SALESFORCE_TIMEOUT', retryable: true, maybeApplied: false });
  });
});

describe('an abort', () => {
  it('rejects with the reason of the signal, before, during and after the reply begins', async () => {
    const org = await startOrg((request, response) => {
      if (request.method === 'GET') response.writeHead(200).write('{');
    });
    const connection = connectTo(org);
    for (const call of ['before', 'waiting', 'reading'] as const) {
      const reason = new Error(call);
      const stop = new AbortController();
      if (call === 'before') stop.abort(reason);
      else setTimeout(() => stop.abort(reason), 50);
      const context = watch(stop.signal);
      const ended = call === 'reading' ? connection.getJob(JOB, context) : connection.closeJob(JOB, context);
      expect(await errorOf(ended)).toBe(reason);
      expect(context.kinds).toEqual(call === 'before' ? [] : call === 'waiting' ? ['close'] : ['info']);
    }
    expect(org.received.map(({ method }) => method)).toEqual(['PATCH', 'GET']);
  });

  it('leaves the connection usable', async () => {
    let calls = 0;
    const org = await startOrg((_request, response) => {
      calls += 1;
      if (calls > 1) json(response, 200, { id: JOB, state: 'Open' });
    });
    const connection = connectTo(org);
    await errorOf(connection.getJob(JOB, watch(AbortSignal.timeout(50))));
    expect(await connection.getJob(JOB, watch())).toEqual({ id: JOB, state: 'Open' });
  });
});

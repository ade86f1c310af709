/** Calls to other machines use the proxy from the environment, calls within this machine never do. */
import { execFile } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { proxyFor } from '../../../../src/runtime/proxy.js';
import { startSimulator } from '../../../../src/simulator/index.js';
import type { Simulator } from '../../../../src/simulator/index.js';
import { certificate as makeCertificate } from '../../../helpers/certificate.js';

/** A name that cannot be resolved: only the proxy can reach it. */
const HOST = 'acme.my.salesforce.invalid';
const DIST = fileURLToPath(new URL('../../../../dist/', import.meta.url));

let org: Simulator;
let proxy: Server;
let certificate: string;
const asked: { target: string | undefined; authorization: string | undefined }[] = [];
let refuseWith: number | undefined;
const sockets = new Set<Socket>();

const portOf = (server: { address(): unknown }): number => (server.address() as AddressInfo).port;

beforeAll(async () => {
  org = await startSimulator({ hosts: [HOST] });
  const authority = makeCertificate('authority', { authority: true });
  certificate = join(mkdtempSync(join(tmpdir(), 'nightload-proxy-')), 'authority.pem');
  writeFileSync(certificate, authority.cert);
  const own = makeCertificate(HOST, { by: authority, names: [HOST] });
  const plain = Number(new URL(org.url).port);
  // The org behind TLS, under its made-up name.
  const front = createTlsServer({ cert: own.cert, key: own.key }, (socket) => {
    const inner = connect(plain, '127.0.0.1');
    socket.on('error', () => inner.destroy()).pipe(inner);
    inner.on('error', () => socket.destroy()).pipe(socket);
  });
  await new Promise<void>((done) => front.listen(0, '127.0.0.1', done));
  proxy = createServer().on('connect', ({ url, headers }, socket: Socket) => {
    asked.push({ target: url, authorization: headers['proxy-authorization'] });
    sockets.add(socket.on('error', () => undefined));
    if (refuseWith !== undefined) return void socket.end(`HTTP/1.1 ${refuseWith} No\r\n\r\n`);
    const inner = connect(portOf(front), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      socket.pipe(inner).pipe(socket);
    });
    inner.on('error', () => socket.destroy());
  });
  await new Promise<void>((done) => proxy.listen(0, '127.0.0.1', done));
  return async () => {
    for (const socket of sockets) socket.destroy();
    proxy.close();
    front.close();
    await org.close();
  };
});
beforeEach(() => {
  asked.length = 0;
  refuseWith = undefined;
});
afterAll(() => undefined);

/** Logs in and reads the limits in a separate process, because certificates are read at its start. */
async function callOrg(env: Record<string, string>): Promise<Record<string, string>> {
  const script = `
    const { connectionsFromEnvironment } = await import(${JSON.stringify(`${DIST}salesforce/config/connections-from-env.js`)});
    const { openConnection } = await import(${JSON.stringify(`${DIST}salesforce/config/open-connection.js`)});
    const said = await (async () => {
      const org = openConnection(connectionsFromEnvironment(process.env).get('default'));
      const limits = await org.limits({ apiVersion: 'v66.0' });
      await org.close();
      return { limits: Object.keys(limits).join() };
    })().catch(({ code, message }) => ({ code, message }));
    console.log(JSON.stringify(said));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
    env: { PATH: process.env['PATH'], NODE_EXTRA_CA_CERTS: certificate, ...env },
  });
  return JSON.parse(stdout) as Record<string, string>;
}

describe('the proxy of the environment', () => {
  const address = (credentials = ''): string => `http://${credentials}127.0.0.1:${portOf(proxy)}`;
  const token = (): Record<string, string> => ({ SF_INSTANCE_URL: `https://${HOST}`, SF_ACCESS_TOKEN: org.token });

  it.each(['HTTPS_PROXY', 'https_proxy'])('is used for the org: %s', async (name) => {
    expect(await callOrg({ ...token(), [name]: address('me:p%40ss@') })).toEqual({
      limits: expect.any(String) as string,
    });
    const authorization = `Basic ${Buffer.from('me:p@ss').toString('base64')}`;
    expect(asked).toEqual([{ target: `${HOST}:443`, authorization }]);
  });

  it('is used for the login, but not for an instance on this machine', async () => {
    const entry = {
      auth: 'clientCredentials',
      loginUrl: `https://${HOST}`,
      clientId: 'nightload-client',
      clientSecret: 'env:CLIENT_SECRET',
      // The simulated org returns its own address as the instance: http on loopback.
      instanceUrlHosts: ['127.0.0.1'],
    };
    const NIGHTLOAD_CONNECTIONS = join(mkdtempSync(join(tmpdir(), 'nightload-proxy-')), 'connections.json');
    writeFileSync(NIGHTLOAD_CONNECTIONS, JSON.stringify({ connections: { default: entry } }), { mode: 0o600 });
    const login = { NIGHTLOAD_CONNECTIONS, CLIENT_SECRET: 'nightload-secret' };
    expect(await callOrg({ ...login, HTTPS_PROXY: address(), HTTP_PROXY: address() })).toHaveProperty('limits');
    expect(asked.map(({ target }) => target)).toEqual([`${HOST}:443`]);
  });

  it('is not used for hosts in NO_PROXY', async () => {
    const said = await callOrg({ ...token(), HTTPS_PROXY: address(), NO_PROXY: 'example.com, .salesforce.invalid' });
    expect(said).toMatchObject({ code: 'SALESFORCE_UNREACHABLE' });
    expect(asked).toEqual([]);
  });

  it('is named in the error if it refuses', async () => {
    refuseWith = 407;
    const said = await callOrg({ ...token(), HTTPS_PROXY: address() });
    expect(said).toMatchObject({
      code: 'SALESFORCE_UNREACHABLE',
      message: expect.stringContaining('(the proxy answered HTTP 407)') as string,
    });
  });

  it('with an invalid address is reported before any call, without repeating it', async () => {
    const said = await callOrg({ ...token(), HTTPS_PROXY: 'ftp://me:secret@proxy' });
    expect(said).toMatchObject({ code: 'INVALID_PROXY', message: expect.not.stringContaining('secret') as string });
  });
});

describe('connections with a proxy', () => {
  const PROXY = 'http://proxy.example:3128/';
  const by = (url: string, env: Record<string, string>): string | undefined => proxyFor(new URL(url), env)?.href;

  it.each([
    ['https://acme.my.salesforce.com', { HTTPS_PROXY: PROXY }, PROXY],
    ['https://acme.my.salesforce.com', { HTTPS_PROXY: 'proxy.example:3128' }, PROXY],
    ['https://acme.my.salesforce.com', { https_proxy: PROXY, HTTPS_PROXY: 'http://other.example' }, PROXY],
    ['https://acme.my.salesforce.com', { HTTP_PROXY: PROXY }, undefined],
    ['https://acme.my.salesforce.com', { HTTPS_PROXY: '' }, undefined],
    ['https://acme.my.salesforce.com', { HTTPS_PROXY: PROXY, NO_PROXY: '*' }, undefined],
    ['https://acme.my.salesforce.com', { HTTPS_PROXY: PROXY, NO_PROXY: 'salesforce.com' }, undefined],
    ['https://acme.my.salesforce.com', { HTTPS_PROXY: PROXY, NO_PROXY: '*.salesforce.com:443' }, undefined],
    ['https://acme.my.salesforce.com', { HTTPS_PROXY: PROXY, no_proxy: 'salesforce.com:8443' }, PROXY],
    ['https://acme.my.salesforce.com', { HTTPS_PROXY: PROXY, NO_PROXY: 'force.com acme.my.salesforce.co' }, PROXY],
    ['https://temporal.internal:7233', { HTTPS_PROXY: PROXY, NO_PROXY: '.internal' }, undefined],
    ['https://[2001:db8::1]:7233', { HTTPS_PROXY: PROXY, NO_PROXY: '2001:db8::1' }, undefined],
    ['https://localhost:7233', { HTTPS_PROXY: PROXY }, undefined],
    ['https://127.1.2.3', { HTTPS_PROXY: PROXY }, undefined],
    ['https://[::1]:7233', { HTTPS_PROXY: PROXY }, undefined],
    ['http://127.0.0.1:8080', { HTTP_PROXY: PROXY }, undefined],
    ['http://downloads.example', { HTTP_PROXY: PROXY }, PROXY],
  ] as [string, Record<string, string>, string | undefined][])('%s with %j: %s', (url, env, proxy) => {
    expect(by(url, env)).toBe(proxy);
  });
});

/** Reasons for failed connections to Temporal, with real sockets; and invalid settings. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { temporalSettings } from '../../../../src/cli/temporal/settings.js';
import { hostAndPort, whyNotConnected } from '../../../../src/client/temporal-probe.js';
import type { Reach } from '../../../../src/client/temporal-probe.js';
import { certificate } from '../../../helpers/certificate.js';
import { tlsFront } from '../../../helpers/tls-front.js';

/** gRPC's complete message. */
const failed = new Error('Failed to connect before the deadline');
const authority = certificate('ours', { authority: true });
const own = certificate('temporal', { by: authority, names: ['localhost', '127.0.0.1'] });
const bytes = (pem: string): Uint8Array => Buffer.from(pem);
const trusted = { serverRootCACertificate: bytes(authority.cert) };

let folder: string;
let plain: ReturnType<typeof createServer>;
let plainAddress: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nightload-temporal-'));
  plain = createServer((_request, reply) => reply.end('a web page'));
  await new Promise<void>((done) => plain.listen(0, '127.0.0.1', done));
  plainAddress = `127.0.0.1:${(plain.address() as AddressInfo).port}`;
});
afterAll(async () => {
  plain.closeAllConnections();
  await new Promise((done) => plain.close(done));
  await rm(folder, { recursive: true, force: true });
});

async function why(reach: Reach): Promise<string> {
  const { code, message, cause } = await whyNotConnected(failed, reach);
  expect(cause).toBe(failed);
  return `${code}: ${message}`;
}

it('nothing listens: not reachable, with the reason', async () => {
  const said = await why({ address: '127.0.0.1:1' });
  expect(said).toMatch(/^TEMPORAL_NOT_REACHABLE: No Temporal server answers at 127.0.0.1:1 .*ECONNREFUSED/);
  expect(await why({ address: 'no-such-host.invalid:7233' })).toMatch(/^TEMPORAL_NOT_REACHABLE: .*ENOTFOUND|EAI_AGAIN/);
});

it('the server speaks TLS and the client does not', async () => {
  const front = await tlsFront({ cert: own.cert, key: own.key });
  const said = await why({ address: front.address });
  expect(said).toMatch(/^TEMPORAL_CONNECTION_REFUSED: A server answers at .*, but it uses TLS .*TEMPORAL_TLS=true/);
  await front.close();
});

it('the client speaks TLS and the server does not', async () => {
  const said = await why({ address: plainAddress, tls: true });
  expect(said).toMatch(
    /^TEMPORAL_CONNECTION_REFUSED: A server answers at .*, but it does not use TLS .*TEMPORAL_TLS=false/,
  );
});

it("the server's certificate: another authority, another name, expired", async () => {
  const front = await tlsFront({ cert: own.cert, key: own.key });
  const { address } = front;
  const another = bytes(certificate('theirs', { authority: true }).cert);
  const untrusted =
    /^TEMPORAL_CONNECTION_REFUSED: A server answers at .* not signed by a CA .*TEMPORAL_TLS_SERVER_CA_CERT_PATH/;
  expect(await why({ address, tls: true })).toMatch(untrusted);
  expect(await why({ address, tls: { serverRootCACertificate: another } })).toMatch(untrusted);
  expect(await why({ address, tls: { ...trusted, serverNameOverride: 'cloud.example' } })).toMatch(
    /is for another name .*TEMPORAL_TLS_SERVER_NAME/,
  );
  await front.close();
  const old = certificate('old', { by: authority, names: ['127.0.0.1'], notAfter: new Date(Date.now() - 86_400_000) });
  const late = await tlsFront({ cert: old.cert, key: old.key });
  expect(await why({ address: late.address, tls: trusted })).toMatch(/is not valid now .*expired/);
  await late.close();
});

it('the server requires a client certificate, and none, or a wrong one, is given', async () => {
  const clients = certificate('clients', { authority: true });
  const options = { cert: own.cert, key: own.key, ca: clients.cert, requestCert: true, rejectUnauthorized: true };
  const front = await tlsFront(options);
  const wanted = /rejects this program's certificate .*TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH/;
  expect(await why({ address: front.address, tls: trusted })).toMatch(wanted);
  const wrong = certificate('me', { by: authority });
  const clientCertPair = { crt: bytes(wrong.cert), key: bytes(wrong.key) };
  expect(await why({ address: front.address, tls: { ...trusted, clientCertPair } })).toMatch(wanted);
  await front.close();
});

it('a server of another kind', async () => {
  const said = await why({ address: plainAddress });
  expect(said).toMatch(/^TEMPORAL_SILENT: A server accepts connections at .*, but it does not answer like Temporal/);
});

it('parses addresses like the SDK', () => {
  expect(hostAndPort('temporal.example.com')).toEqual({ host: 'temporal.example.com', port: 7233 });
  expect(hostAndPort('[::1]:7000')).toEqual({ host: '::1', port: 7000 });
  expect(hostAndPort('http://localhost:7000')).toEqual({ host: 'localhost', port: 7000 });
});

it('invalid settings name their variable', async () => {
  const settings = (env: Record<string, string>): unknown => {
    try {
      return temporalSettings({ HOME: folder, TEMPORAL_ADDRESS: 'x:1', ...env });
    } catch (error) {
      return error;
    }
  };
  const write = async (name: string, text: string): Promise<string> => {
    await writeFile(join(folder, name), text);
    return join(folder, name);
  };
  const cert = await write('client.pem', own.cert);
  const key = await write('client.key', own.key);
  const ca = await write('ca.pem', authority.cert);
  const junk = await write('junk.pem', 'this is no certificate\n');
  const other = await write('other.key', authority.key);
  const toml = await write('temporal.toml', '[profile.default\naddress = "x"');
  const invalid = (message: RegExp): unknown =>
    expect.objectContaining({
      code: 'TEMPORAL_CONFIG_INVALID',
      message: expect.stringMatching(message) as string,
    });
  const missing = join(folder, 'nowhere.pem');
  expect(settings({ TEMPORAL_TLS_SERVER_CA_CERT_PATH: missing })).toEqual(
    invalid(/^TEMPORAL_TLS_SERVER_CA_CERT_PATH names .*nowhere\.pem, which does not exist/),
  );
  expect(settings({ TEMPORAL_TLS_CLIENT_CERT_PATH: cert, TEMPORAL_TLS_CLIENT_KEY_PATH: missing })).toEqual(
    invalid(/^TEMPORAL_TLS_CLIENT_KEY_PATH names/),
  );
  expect(settings({ TEMPORAL_TLS_CLIENT_CERT_PATH: cert })).toEqual(invalid(/also set TEMPORAL_TLS_CLIENT_KEY_PATH/));
  expect(settings({ TEMPORAL_TLS_SERVER_CA_CERT_PATH: junk })).toEqual(
    invalid(/^TEMPORAL_TLS_SERVER_CA_CERT_PATH is not a PEM/),
  );
  expect(settings({ TEMPORAL_TLS_CLIENT_CERT_PATH: cert, TEMPORAL_TLS_CLIENT_KEY_PATH: other })).toEqual(
    invalid(/^TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH/),
  );
  expect(settings({ TEMPORAL_CONFIG_FILE: missing })).toEqual(invalid(/^TEMPORAL_CONFIG_FILE names/));
  expect(settings({ TEMPORAL_CONFIG_FILE: toml })).toEqual(invalid(/^TEMPORAL_CONFIG_FILE names/));
  expect(settings({ TEMPORAL_PROFILE: 'prod' })).toEqual(invalid(/TEMPORAL_PROFILE names prod/));
  const good = { TEMPORAL_TLS_CLIENT_CERT_PATH: cert, TEMPORAL_TLS_CLIENT_KEY_PATH: key };
  expect(settings({ ...good, TEMPORAL_TLS_SERVER_CA_CERT_PATH: ca, TEMPORAL_NAMESPACE: 'n' })).toMatchObject({
    address: 'x:1',
    namespace: 'n',
  });
  expect(settings({ TEMPORAL_TLS: 'false', TEMPORAL_TLS_SERVER_CA_CERT_PATH: missing })).toMatchObject({
    address: 'x:1',
  });
});

/** The connections file and its shipped JSON Schema, which must agree. */
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Ajv } from 'ajv';
import { jwtVerify } from 'jose';
import { format, resolveConfig } from 'prettier';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import type { NightloadError } from '../../../../src/errors.js';
import { connectionsJsonSchema, parseConnections } from '../../../../src/salesforce/config/connections-schema.js';
import { Secret } from '../../../../src/salesforce/auth/secret.js';
import { allocationsOf } from '../../../../src/salesforce/config/connection-facts.js';
import { connectionsFromEnvironment } from '../../../../src/salesforce/config/connections-from-env.js';
import { openConnection } from '../../../../src/salesforce/config/open-connection.js';
import type { ConnectionSettings } from '../../../../src/salesforce/config/connection-settings.js';
import { startSimulator } from '../../../../src/simulator/index.js';
import { bodyOf, errorOf, JOB, json, startOrg, watch } from '../../../helpers/salesforce.js';

const SCHEMA = fileURLToPath(new URL('../../../../schemas/connections.schema.json', import.meta.url));
const PAGE = fileURLToPath(new URL('../../../../docs/connections.md', import.meta.url));

const folder = mkdtempSync(join(tmpdir(), 'nightload-connections-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Placeholder for a secret: it must never appear anywhere. */
const SECRET = 'Zq8!zz9-not-for-anyone';
const CLIENT = { loginUrl: 'https://acme.my.salesforce.com', clientId: 'app', clientSecret: 'env:SECRET' };
const TOKEN = { auth: 'token', instanceUrl: 'https://acme.my.salesforce.com', accessToken: 'env:TOKEN' };
const ENV = { SECRET, TOKEN: '00Dxx!token', NUMBER: '5000', SHARE: '10 %', EMPTY: ' ' };

function save(content: unknown, name = 'connections.json'): string {
  const path = join(folder, name);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content), { mode: 0o600 });
  return path;
}

interface Read {
  connections: Map<string, ConnectionSettings>;
  warnings: string[];
}

function read(content: unknown, env: Record<string, string> = {}): Read {
  const warnings: string[] = [];
  const variables = { ...ENV, ...env, NIGHTLOAD_CONNECTIONS: save(content) };
  return { connections: connectionsFromEnvironment(variables, (text) => warnings.push(text)), warnings };
}

function refusal(content: unknown, env: Record<string, string> = {}): NightloadError {
  try {
    read(content, env);
  } catch (error) {
    const refused = error as NightloadError;
    expect(refused.message).toContain(join(folder, 'connections.json'));
    expect(refused.message).not.toContain(SECRET);
    expect(JSON.stringify(refused)).not.toContain(SECRET);
    return refused;
  }
  throw new Error('This should have been refused.');
}

const one = (entry: unknown, name = 'default'): unknown => ({ connections: { [name]: entry } });
const withAllocation = (allocation: unknown): unknown => one({ ...TOKEN, allocation });

const VALID: [string, unknown][] = [
  ['a token', one(TOKEN)],
  ['client credentials', one({ auth: 'clientCredentials', ...CLIENT })],
  ['a refresh token', one({ auth: 'refreshToken', loginUrl: 'env:URL', clientId: 'app', refreshToken: 'file:token' })],
  [
    'a refresh token and a secret',
    one({ auth: 'refreshToken', loginUrl: CLIENT.loginUrl, clientId: 'a', refreshToken: 't', clientSecret: 's' }),
  ],
  [
    'JWT',
    one({
      auth: 'jwt',
      loginUrl: 'https://test.salesforce.com',
      clientId: 'file:id',
      username: 'loader@acme.com',
      privateKey: 'file:/run/secrets/jwt.pem',
      audience: 'https://test.salesforce.com',
    }),
  ],
  ['the Salesforce CLI', one({ auth: 'sfCli', alias: 'acme-dev', instanceUrlHosts: ['*.acme.example'] })],
  ['an old API version', one({ ...TOKEN, apiVersion: '55' })],
  ['a version by reference', one({ ...TOKEN, apiVersion: 'env:VERSION' })],
  [
    'several, and where the schema is',
    { $schema: './connections.schema.json', connections: { default: TOKEN, 'emea-1': { ...TOKEN } } },
  ],
  ['plain http on this machine', one({ ...TOKEN, instanceUrl: 'http://127.0.0.1:9000' })],
  ['an empty allocation', withAllocation({})],
  [
    'an allocation',
    withAllocation({ recordsPerWindow: 1, batchesPerWindow: 1, window: '24h', reserve: '20%', maxJobs: 1 }),
  ],
  ['a reserve in records', withAllocation({ reserve: 0, window: '90 minutes' })],
  [
    'folders that are allowed',
    one({
      ...TOKEN,
      allow: { sourcePrefixes: ['file:///data/in/'], outputPrefixes: ['file:///data/out/', 's3://b/'] },
    }),
  ],
  ['a reserve by reference', withAllocation({ reserve: 'env:SHARE', window: 'file:window' })],
];

/** The error, as in the message. */
const INVALID: [string, unknown, string][] = [
  ['a list', [], 'The file must contain an object with the key "connections".'],
  ['no connections', {}, 'connections is missing: it must be an object with at least one connection'],
  ['none at all', { connections: {} }, 'connections must be an object with at least one connection'],
  ['an unknown key of the file', { connections: { a: TOKEN }, conections: 1 }, 'Did you mean "connections"?'],
  ['no object', one('env:ALL'), 'connections.default must be an object with auth and the fields'],
  ['no way to log in', one({ ...TOKEN, auth: undefined }), 'connections.default.auth is missing: it must be token,'],
  ['an unknown way', one({ ...CLIENT, auth: 'clientcredential' }), 'Did you mean "clientCredentials"?'],
  ['a referred way', one({ ...TOKEN, auth: 'env:AUTH' }), 'connections.default.auth must be token, clientCredentials'],
  [
    'a missing key',
    one({ ...CLIENT, auth: 'jwt' }),
    'connections.default.username is missing: it must be the username',
  ],
  [
    'a key of another way',
    one({ ...TOKEN, clientSecret: SECRET }),
    'connections.default.clientSecret is not a known key.',
  ],
  [
    'a misspelt key',
    one({ auth: 'clientCredentials', ...CLIENT, clientSecrets: SECRET }),
    'connections.default.clientSecrets is not a known key. Did you mean "clientSecret"?',
  ],
  ['a number for a text', one({ ...TOKEN, accessToken: 12 }), 'connections.default.accessToken must be the access'],
  ['an empty text', one({ ...TOKEN, accessToken: '' }), 'connections.default.accessToken must be the access token.'],
  [
    'no address',
    one({ ...TOKEN, instanceUrl: SECRET }),
    "connections.default.instanceUrl must be the org's own address",
  ],
  ['no version', one({ ...TOKEN, apiVersion: 'newest' }), 'connections.default.apiVersion must be a version such as'],
  ['an odd name', one(TOKEN, 'a b'), 'connections["a b"] is not a valid connection name'],
  ['a path as name', one(TOKEN, '../x'), 'connections["../x"] is not a valid connection name'],
  [
    'a misspelt limit',
    withAllocation({ maxJob: 1 }),
    'connections.default.allocation.maxJob is not a known key. Did you',
  ],
  [
    'no jobs',
    withAllocation({ maxJobs: 0 }),
    'connections.default.allocation.maxJobs must be a whole number of ingest',
  ],
  ['half a record', withAllocation({ recordsPerWindow: 1.5 }), 'allocation.recordsPerWindow must be a whole number'],
  ['a number as text', withAllocation({ batchesPerWindow: '15000' }), 'allocation.batchesPerWindow must be a whole'],
  [
    'no share',
    withAllocation({ reserve: '20' }),
    'connections.default.allocation.reserve must be a share such as "20%"',
  ],
  ['less than nothing', withAllocation({ reserve: -1 }), 'allocation.reserve must be a share such as "20%"'],
  ['no duration', withAllocation({ window: 'a day' }), 'allocation.window must be a duration such as 24h.'],
  [
    'an output that is no folder',
    one({ ...TOKEN, allow: { outputPrefixes: ['file:///data/out'] } }),
    'connections.default.allow.outputPrefixes.0 must be a list of folder URIs, each ending with a slash',
  ],
  ['a bare number', withAllocation({ window: 24 }), 'allocation.window must be a duration such as 24h.'],
];

describe('the shape of the file', () => {
  const valid = new Ajv({ allErrors: true }).compile(JSON.parse(readFileSync(SCHEMA, 'utf8')) as object);

  it('matches the shipped JSON Schema', async () => {
    const options = { ...(await resolveConfig(SCHEMA)), filepath: SCHEMA };
    // `vitest -u` rewrites it after a change of the schema.
    await expect(await format(JSON.stringify(connectionsJsonSchema()), options)).toMatchFileSnapshot(SCHEMA);
  });

  it.each(VALID)('%s: accepted by both', (_name, content) => {
    expect(parseConnections(content)).not.toHaveProperty('troubles');
    expect(valid(content) || valid.errors).toBe(true);
  });

  it.each(INVALID)('%s: refused by both', (_name, content, told) => {
    const travelled: unknown = JSON.parse(JSON.stringify(content));
    expect(refusal(travelled)).toMatchObject({ code: 'CONNECTIONS_FILE_INVALID', retryable: false });
    expect(refusal(travelled).message).toContain(told);
    expect(valid(travelled)).toBe(false);
  });

  it('all errors are reported at once', () => {
    const { message } = refusal({ connections: { a: { ...TOKEN, x: 1, accessToken: 7 }, b: { auth: 'tokn' } } });
    expect(message.split('\n')).toHaveLength(4);
    expect(message).toMatch(
      /connections\.a\.accessToken must.*\n {2}connections\.a\.x is.*\n {2}connections\.b\.auth must/,
    );
  });
});

describe('values', () => {
  it('come from variables and files next to the connections file, without their last line ending', () => {
    writeFileSync(join(folder, 'secret'), `${SECRET}\r\n`, { mode: 0o600 });
    writeFileSync(join(folder, 'lines'), 'a\n\n', { mode: 0o600 });
    const { connections } = read(
      {
        connections: {
          default: { auth: 'clientCredentials', loginUrl: 'env:URL', clientId: 'env:ID', clientSecret: 'file:secret' },
          emea: { ...TOKEN, accessToken: `file:${join(folder, 'secret')}`, apiVersion: 'env:VERSION' },
          apac: { auth: 'clientCredentials', ...CLIENT, clientSecret: 'file:lines' },
        },
      },
      { URL: 'https://acme.my.salesforce.com/', ID: ' app ', VERSION: '60' },
    );
    expect([...connections.keys()]).toEqual(['default', 'emea', 'apac']);
    const [settings, emea, apac] = [...connections.values()];
    if (settings?.auth !== 'clientCredentials' || emea?.auth !== 'token') throw new Error('another form');
    if (apac?.auth !== 'clientCredentials') throw new Error('another form');
    expect(settings).toMatchObject({ loginUrl: 'https://acme.my.salesforce.com', clientId: 'app' });
    expect(settings.clientSecret.reveal()).toBe(SECRET);
    expect(emea.accessToken.reveal()).toBe(SECRET);
    expect(emea.apiVersion).toBe('v60.0');
    expect(apac.clientSecret.reveal()).toBe('a\n');
    expect(JSON.stringify([...connections])).not.toContain(SECRET);
  });

  it.each([
    [
      'a variable that is not set',
      { ...TOKEN, accessToken: 'env:MISSING' },
      'the environment variable MISSING, which is not set',
    ],
    ['an empty variable', { ...TOKEN, accessToken: 'env:EMPTY' }, 'the environment variable EMPTY, which is not set'],
    ['no name', { ...TOKEN, accessToken: `env:${SECRET}` }, 'no environment variable'],
    ['a missing file', { ...TOKEN, accessToken: 'file:nowhere' }, 'nowhere, which cannot be read (ENOENT)'],
    ['a folder', { ...TOKEN, accessToken: 'file:.' }, 'which cannot be read (EISDIR)'],
    ['the key itself', { ...TOKEN, accessToken: `file:line\n${SECRET}` }, 'a file, which cannot be read (ENOENT)'],
  ])('a reference to %s is refused', (_name, entry, told) => {
    const error = refusal(one(entry));
    expect(error.code).toBe('CONNECTION_REFERENCE_EMPTY');
    expect(error.message).toContain('connections.default.accessToken refers to ');
    expect(error.message).toContain(told);
  });

  it.each([
    [
      'INSECURE_URL',
      { ...TOKEN, instanceUrl: 'http://acme.my.salesforce.com' },
      'connections.default.instanceUrl is http',
    ],
    ['INVALID_URL', { ...TOKEN, instanceUrl: 'env:SECRET' }, 'connections.default.instanceUrl is not a URL'],
    ['INVALID_URL', { ...TOKEN, instanceUrl: 'https://a.my.salesforce.com/x' }, 'address without a path'],
    ['CONNECTIONS_FILE_INVALID', { ...TOKEN, apiVersion: 'env:SECRET' }, 'apiVersion must be a version such as v66.0'],
    ...(['sourcePrefixes', 'outputPrefixes'] as const).map((key): [string, object, string] => [
      'CONNECTIONS_FILE_INVALID',
      { ...TOKEN, allow: { [key]: ['file:///data/', 'file://host/data/'] } },
      `allow.${key} must contain folder URIs`,
    ]),
    ['CONNECTIONS_FILE_INVALID', { ...TOKEN, apiVersion: '30.0' }, 'the oldest is v41.0'],
  ])('%s', (code, entry, told) => {
    const error = refusal(one(entry));
    expect(error.code).toBe(code);
    expect(error.message).toContain(told);
  });

  it('a missing file, or one that is not JSON: reported without its content', () => {
    const read = (path: string) => (): unknown => connectionsFromEnvironment({ NIGHTLOAD_CONNECTIONS: path });
    expect(read(join(folder, 'nowhere.json'))).toThrow(/nowhere\.json cannot be read \(ENOENT\)/);
    for (const text of [`{ "connections": { "a": { "accessToken": "${SECRET}" "b": 1 } } }`, SECRET, '']) {
      expect(refusal(text).message).toContain('It is not valid JSON');
    }
    expect(refusal(`{\n "connections":\n  { "a" "${SECRET}" }`).message).toContain('from line 3, column 9');
  });

  it('a byte order mark is accepted', () => {
    expect(read(`\uFEFF${JSON.stringify(one(TOKEN))}`).connections.size).toBe(1);
  });
});

describe('the share of the limits', () => {
  it('has its defaults, and is plain data by name', () => {
    const defaults = {
      recordsPerWindow: 150_000_000,
      batchesPerWindow: 15_000,
      windowMs: 86_400_000,
      reservedRecords: 0,
      maxJobs: 10,
    };
    const { connections } = read({
      connections: {
        default: TOKEN,
        small: { ...TOKEN, allocation: { recordsPerWindow: 1_000_001, reserve: '20%', window: '12 hours' } },
        number: { ...TOKEN, allocation: { reserve: 'env:NUMBER', maxJobs: 3 } },
        share: { ...TOKEN, allocation: { reserve: 'env:SHARE' } },
      },
    });
    const allocations = structuredClone(allocationsOf(connections));
    expect(Object.fromEntries(allocations)).toEqual({
      default: defaults,
      small: { ...defaults, recordsPerWindow: 1_000_001, reservedRecords: 200_001, windowMs: 43_200_000 },
      number: { ...defaults, reservedRecords: 5000, maxJobs: 3 },
      share: { ...defaults, reservedRecords: 15_000_000 },
    });
    const plain = connectionsFromEnvironment({ SF_INSTANCE_URL: TOKEN.instanceUrl, SF_ACCESS_TOKEN: 'x' });
    expect(allocationsOf(plain).get('default')).toEqual(defaults);
  });

  it.each([
    [{ reserve: '100%' }, 'allocation.reserve leaves nothing for loads of priority 3 to 5'],
    [{ reserve: 10, recordsPerWindow: 10 }, 'allocation.reserve leaves nothing'],
    [{ reserve: 'env:SECRET' }, 'allocation.reserve is not a share'],
    [{ window: '30s' }, 'allocation.window must be from 1m to 7d'],
    [{ window: 'env:SECRET' }, 'allocation.window is not a duration'],
  ])('%j is refused', (allocation, told) => {
    const error = refusal(withAllocation(allocation));
    expect(error.code).toBe('CONNECTIONS_FILE_INVALID');
    expect(error.message).toContain(`connections.default.${told}`);
  });
});

describe('in addition to SF_* variables', () => {
  const SF = { SF_INSTANCE_URL: 'https://other.my.salesforce.com', SF_ACCESS_TOKEN: SECRET, SF_CLIENT_SECRET: 'both' };

  it('the file wins, which is reported', () => {
    const { connections, warnings } = read(one(TOKEN), SF);
    expect(connections.get('default')).toMatchObject({ instanceUrl: TOKEN.instanceUrl });
    expect(warnings).toEqual([
      `SF_ACCESS_TOKEN, SF_CLIENT_SECRET, SF_INSTANCE_URL: set, but not used, because the connections come from ${join(folder, 'connections.json')}.`,
    ]);
  });

  it('variables that the file refers to are used; a file without a default is reported', () => {
    const entry = { auth: 'token', instanceUrl: 'env:SF_INSTANCE_URL', accessToken: 'env:SF_ACCESS_TOKEN' };
    expect(read(one(entry), { ...SF, SF_CLIENT_SECRET: '' }).warnings).toEqual([]);
    const { connections, warnings } = read({ connections: { emea: TOKEN, apac: TOKEN } }, SF);
    expect(connections.has('default')).toBe(false);
    expect(warnings.join()).toContain(
      'no connection "default", so every load must specify one: --connection emea or apac.',
    );
  });

  it('a secret in the file itself works, with a warning that does not repeat it', () => {
    const { connections, warnings } = read(one({ ...TOKEN, accessToken: SECRET }));
    expect(connections.get('default')).toMatchObject({ accessToken: expect.any(Secret) as Secret });
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain('connections.default.accessToken is in the file itself.');
    expect(warnings[0]).not.toContain(SECRET);
  });
});

describe('connections of a file', () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' });

  it('lead to two orgs at the same time', async () => {
    const [one, other] = [await startSimulator({}), await startSimulator({})];
    onTestFinished(async () => {
      await one.close();
      await other.close();
    });
    const entry = (url: string): unknown => ({ auth: 'token', instanceUrl: url, accessToken: 'env:ORG_TOKEN' });
    const { connections } = read(
      { connections: { default: entry(one.url), emea: entry(other.url) } },
      { ORG_TOKEN: one.token },
    );
    for (const [name, count] of [
      ['emea', 2],
      ['default', 1],
    ] as const) {
      const connection = openConnection(connections.get(name) as ConnectionSettings);
      onTestFinished(() => connection.close());
      const context = { apiVersion: await connection.resolveApiVersion() };
      for (let i = 0; i < count; i++) await connection.createJob({ object: 'Account', operation: 'insert' }, context);
    }
    expect([one.jobs().length, other.jobs().length]).toEqual([1, 2]);
  });

  it('log in with a key in a file, which is read for each token', async () => {
    writeFileSync(join(folder, 'jwt.pem'), String(rsa), { mode: 0o600 });
    const forms: URLSearchParams[] = [];
    const org = await startOrg(async (request, response) => {
      const body = await bodyOf(request);
      if (request.url !== '/services/oauth2/token') return json(response, 200, { id: JOB, state: 'Open' });
      forms.push(new URLSearchParams(body));
      json(response, 200, { access_token: 'T1', instance_url: org.url });
    });
    const jwt = { auth: 'jwt', loginUrl: org.url, clientId: 'app', username: 'u@acme.com', privateKey: 'file:jwt.pem' };
    const settings = read(one(jwt)).connections.get('default') as ConnectionSettings;
    const connection = openConnection(settings);
    onTestFinished(() => connection.close());
    expect(await connection.getJob(JOB, watch())).toMatchObject({ id: JOB });
    expect(forms[0]?.get('assertion')).toMatch(/^ey/);
    rmSync(join(folder, 'jwt.pem'));
    const again = openConnection(settings);
    onTestFinished(() => again.close());
    const error = (await errorOf(again.getJob(JOB, watch()))) as NightloadError;
    expect(error).toMatchObject({ code: 'JWT_KEY_UNREADABLE', retryable: true });
    expect(error.message).toMatch(/^Connection "default" of .*connections\.json: The file that privateKey names/);
  });

  it('log in with a key in a variable', async () => {
    let assertion = '';
    const org = await startOrg(async (request, response) => {
      const body = await bodyOf(request);
      if (request.url !== '/services/oauth2/token') return json(response, 200, { id: JOB, state: 'Open' });
      assertion = new URLSearchParams(body).get('assertion') ?? '';
      json(response, 200, { access_token: 'T1', instance_url: org.url });
    });
    const jwt = { auth: 'jwt', loginUrl: org.url, clientId: 'app', username: 'u@acme.com', privateKey: 'env:KEY' };
    const { connections, warnings } = read(one(jwt), { KEY: String(rsa) });
    expect(warnings).toEqual([]);
    const connection = openConnection(connections.get('default') as ConnectionSettings);
    onTestFinished(() => connection.close());
    expect(await connection.getJob(JOB, watch())).toMatchObject({ id: JOB });
    await jwtVerify(assertion, createPublicKey(String(rsa)));
    const error = refusal(one(jwt), { KEY: SECRET });
    expect(error.code).toBe('JWT_KEY_INVALID');
    expect(error.message).toContain('Connection "default" of ');
    expect(error.message).toContain('The private key is not a private key in PEM format');
  });

  it('an unusable key is reported at once, with the keys of the file', () => {
    writeFileSync(join(folder, 'bad.pem'), String(rsa).slice(0, 700), { mode: 0o600 });
    const jwt = { auth: 'jwt', loginUrl: CLIENT.loginUrl, clientId: 'app', username: 'u', privateKey: 'file:bad.pem' };
    const error = refusal(one(jwt, 'emea'));
    expect(error.code).toBe('JWT_KEY_INVALID');
    expect(error.message).toContain('Connection "emea" of ');
    expect(error.message).toContain('privateKey names is not a private key in PEM format');
    expect(error.message).not.toContain('SF_');
    for (const line of String(rsa).split('\n')) if (line !== '') expect(error.message).not.toContain(line);
  });

  it('login errors name the connection and its keys', async () => {
    const org = await startOrg((_request, response) =>
      json(response, 400, { error: 'invalid_client', error_description: `invalid client credentials ${SECRET}` }),
    );
    const { connections } = read(one({ auth: 'clientCredentials', ...CLIENT, loginUrl: org.url }, 'emea'));
    const connection = openConnection(connections.get('emea') as ConnectionSettings);
    onTestFinished(() => connection.close());
    const error = (await errorOf(connection.getJob(JOB, watch()))) as NightloadError;
    expect(error.code).toBe('AUTH_INVALID_CLIENT');
    expect(error.message).toContain('Connection "emea"');
    expect(error.message).toContain('clientId and clientSecret');
    expect(error.message).not.toContain('SF_');
    expect(error.message).not.toContain(SECRET);
  });
});

describe('docs/connections.md', () => {
  it('shows a valid example', () => {
    const page = readFileSync(PAGE, 'utf8');
    const examples = [...page.matchAll(/```json\n([^]*?)```/g)].map(
      (match) => JSON.parse(match[1] as string) as unknown,
    );
    expect(examples.length).toBeGreaterThan(0);
    for (const example of examples) expect(parseConnections(example)).not.toHaveProperty('troubles');
  });
});

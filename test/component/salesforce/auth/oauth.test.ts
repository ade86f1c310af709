import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { gzipSync } from 'node:zlib';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { describe, expect, it, onTestFinished } from 'vitest';
import { OAuthTokens } from '../../../../src/salesforce/auth/oauth.js';
import type { OAuthSettings } from '../../../../src/salesforce/auth/oauth.js';
import type { NightloadError } from '../../../../src/errors.js';
import { Secret } from '../../../../src/salesforce/auth/secret.js';
import { instanceOrigin } from '../../../../src/salesforce/auth/safe-origin.js';
import { bodyOf, connectTo, errorOf, JOB, json, startOrg, watch } from '../../../helpers/salesforce.js';

const CLIENT_SECRET = 'se cret+/&=';

function openTokens(url: string, more: Partial<OAuthSettings> = {}): OAuthTokens {
  return new OAuthTokens({ loginUrl: url, clientId: 'app', clientSecret: new Secret(CLIENT_SECRET), ...more });
}

/** Closed when the test ends; a connection closes its tokens itself. */
function tokensFrom(url: string, more: Partial<OAuthSettings> = {}): OAuthTokens {
  const tokens = openTokens(url, more);
  onTestFinished(() => tokens.close());
  return tokens;
}

/** A login server with this reply to each call for a token; returns the bodies that it received. */
async function loginServer(
  answer: (response: ServerResponse, body: string, request: IncomingMessage) => void,
): Promise<{ url: string; bodies: string[] }> {
  const bodies: string[] = [];
  const { url } = await startOrg(async (request, response) => {
    const body = await bodyOf(request);
    bodies.push(body);
    answer(response, body, request);
  });
  return { url, bodies };
}

async function refusedWith(status: number, error: string, description: string): Promise<Record<string, unknown>> {
  const { url } = await loginServer((response) => json(response, status, { error, error_description: description }));
  const thrown = (await errorOf(tokensFrom(url).current())) as Error;
  return { ...thrown, message: thrown.message, detail: (thrown as NightloadError).detail };
}

describe('tokens', () => {
  it('come from the login server and go only to the instance that it names', async () => {
    const instance = await startOrg((_request, response) => json(response, 200, { id: JOB, state: 'Open' }));
    const login = await startOrg(async (request, response) => {
      await bodyOf(request);
      json(response, 200, { access_token: 'T1', instance_url: instance.url });
    });
    await connectTo(login, { tokens: openTokens(login.url) }).getJob(JOB, watch());
    expect(login.received.map(({ method, url, headers }) => [method, url, headers.authorization])).toEqual([
      ['POST', '/services/oauth2/token', undefined],
    ]);
    expect(instance.received.map(({ headers }) => headers.authorization)).toEqual(['Bearer T1']);
    expect(JSON.stringify(instance.received)).not.toContain('cret');
  });

  it('are requested once for many callers, and again when they have expired', async () => {
    let asked = 0;
    const org = await startOrg(async (request, response) => {
      await bodyOf(request);
      if (request.url === '/services/oauth2/token') {
        asked += 1;
        json(response, 200, { access_token: `T${asked}`, instance_url: org.url });
      } else if (request.headers.authorization === 'Bearer T1') {
        json(response, 401, [{ errorCode: 'INVALID_SESSION_ID', message: 'Session expired or invalid' }]);
      } else json(response, 200, { id: JOB, state: 'Open' });
    });
    const connection = connectTo(org, { tokens: openTokens(org.url) });
    await Promise.all(Array.from({ length: 20 }, () => connection.getJob(JOB, watch())));
    expect(asked).toBe(2);
  });

  it.each([
    ['of Salesforce', 'https://acme--test.sandbox.my.salesforce.com'],
    ['of its government cloud', 'https://acme.my.salesforce.mil'],
    ['that the settings name', 'https://sf.acme.example'],
    ['below one that the settings name', 'https://emea.proxy.example'],
  ])('go to an instance %s', async (_which, instance_url) => {
    const { url } = await loginServer((response) => json(response, 200, { access_token: 'T1', instance_url }));
    const tokens = tokensFrom(url, { instanceUrlHosts: ['sf.acme.example', '*.proxy.example'] });
    expect(await tokens.current()).toMatchObject({ instanceUrl: instance_url });
  });

  it.each([
    'https://acme.example',
    'https://salesforce.com.acme.example',
    'https://acme-salesforce.com',
    'https://evilsalesforce.com',
    'https://acme.my.salesforce.com.',
    'https://proxy.example',
    'https://169.254.169.254',
    'https://[::ffff:127.0.0.1]',
  ])('are not sent to %s, which a malicious login server names', async (instance_url) => {
    const { url } = await loginServer((response) => json(response, 200, { access_token: 'T1', instance_url }));
    const tokens = tokensFrom(url, { instanceUrlHosts: ['sf.acme.example', '*.proxy.example'] });
    const error = (await errorOf(tokens.current())) as Error;
    expect(error).toMatchObject({ code: 'INSTANCE_URL_REFUSED', retryable: false });
    expect(error.message).not.toContain('T1');
  });

  it.each([
    ['http://acme.my.salesforce.com', 'plain http'],
    ['http://sf.acme.example', 'plain http'],
    ['https://planted:word@acme.my.salesforce.com', 'more than a host'],
    ['https://planted@127.0.0.1', 'more than a host'],
    ['https://acme.my.salesforce.com/planted', 'more than a host'],
    ['https://acme.my.salesforce.com?planted', 'more than a host'],
    ['javascript:planted', 'not a URL'],
    ['planted words', 'not a URL'],
  ])('are not sent to %s: the error names the server, and repeats nothing', async (instance_url, why) => {
    const { url } = await loginServer((response) => json(response, 200, { access_token: 'T1', instance_url }));
    const error = (await errorOf(tokensFrom(url, { instanceUrlHosts: ['sf.acme.example'] }).current())) as Error;
    expect(error).toMatchObject({ code: 'INSTANCE_URL_REFUSED', retryable: false });
    expect(error.message).toMatch(
      new RegExp(`^The login server ${url} issued a token, but .* is refused: it .*${why}`),
    );
    expect(error.message).not.toMatch(/T1|planted|word@|acme/);
  });

  it.each(['T1\r\nx-evil: 1', 'T 1', 'T\u0000', 'Tö', ' '])(
    'that are invalid in a header (%j) are an invalid reply, not an error in the settings',
    async (access_token) => {
      const { url } = await loginServer((response) => json(response, 200, { access_token, instance_url: url }));
      const error = (await errorOf(tokensFrom(url).current())) as Error;
      expect(error).toMatchObject({ code: 'AUTH_UNEXPECTED_REPLY', retryable: true });
      expect(error.message).not.toMatch(/wrong file|evil|Tö/);
    },
  );

  it('that came from another machine are not sent to this one', () => {
    expect(() => instanceOrigin('http://127.0.0.1:9', 'https://acme.my.salesforce.com', [])).toThrow(
      /^The login server https:\/\/acme\.my\.salesforce\.com issued .* is refused: its host, 127\.0\.0\.1, is not a Salesforce host/,
    );
  });

  it('are read from a compressed reply', async () => {
    const { url } = await loginServer((response) => {
      response
        .writeHead(200, { 'content-encoding': 'gzip' })
        .end(gzipSync('{"access_token":"T1","instance_url":"https://acme.my.salesforce.com"}'));
    });
    expect(await tokensFrom(url).current()).toEqual({
      accessToken: 'T1',
      instanceUrl: 'https://acme.my.salesforce.com',
    });
  });

  it('use a rotated refresh token from then on, and never show it', async () => {
    const login = await loginServer((response) =>
      json(response, 200, {
        access_token: `T${login.bodies.length}`,
        instance_url: login.url,
        refresh_token: `rotated${login.bodies.length}`,
      }),
    );
    const tokensFolder = mkdtempSync(join(tmpdir(), 'nightload-tokens-'));
    onTestFinished(() => rmSync(tokensFolder, { recursive: true }));
    const tokens = tokensFrom(login.url, { refreshToken: new Secret('first'), tokensFolder });
    await tokens.current();
    await tokens.renew('T1');
    expect(login.bodies.map((body) => new URLSearchParams(body).get('refresh_token'))).toEqual(['first', 'rotated1']);
    expect(inspect(tokens, { depth: null, showHidden: true })).not.toMatch(/rotated|first|cret/);
  });
});

describe('a login server that refuses', () => {
  it.each([
    [400, 'invalid_grant', 'login rate exceeded'],
    [400, 'unknown_error', 'retry your request'],
    [400, 'rate_limit_exceeded', 'slow down'],
    [429, 'other', 'x'],
    [503, 'other', 'x'],
  ])('HTTP %i %s: %s is transient', async (status, error, description) => {
    const refused = await refusedWith(status, error, description);
    expect(refused).toMatchObject({ code: `AUTH_${error.toUpperCase()}`, retryable: true });
    expect(refused['message']).toContain('try again later');
  });

  it.each([
    [400, 'text/html', '<html>who are you?</html>'],
    [401, 'text/plain', ''],
    [403, 'application/json', '{"message":"blocked"}'],
    [404, 'application/json', '[{"errorCode":"NOT_FOUND","message":"no"}]'],
    [406, 'text/plain', ''],
  ])('HTTP %i %s %s is transient, because the login server did not send it', async (status, type, text) => {
    const { url } = await loginServer((response) => response.writeHead(status, { 'content-type': type }).end(text));
    const refused = (await errorOf(tokensFrom(url).current())) as Error;
    expect(refused).toMatchObject({ code: `AUTH_HTTP_${status}`, retryable: true });
    expect(refused.message).toMatch(/check SF_LOGIN_URL and the proxy/);
  });

  it.each([
    ['invalid_grant', "user hasn't approved this consumer", 'pre-authorized'],
    ['invalid_app_access', 'user is not admin approved to access this app', 'pre-authorized'],
    ['invalid_grant', 'audience is invalid', 'SF_JWT_AUDIENCE'],
    ['invalid_grant', 'Audience validation failed', 'SF_JWT_AUDIENCE'],
    ['invalid_grant', 'invalid assertion', 'SF_JWT_KEY_FILE'],
    ['inactive_user', 'user is inactive', 'activate the user'],
    ['invalid_grant', 'expired access/refresh token', 'SF_REFRESH_TOKEN'],
    ['invalid_grant', 'request not supported on this domain', 'SF_LOGIN_URL'],
    ['invalid_client_id', 'client identifier invalid', 'SF_CLIENT_ID'],
  ])('%s: %s is final, with a remedy', async (error, description, remedy) => {
    const refused = await refusedWith(400, error, description);
    expect(refused).toMatchObject({ code: `AUTH_${error.toUpperCase()}`, retryable: false });
    expect(refused['message']).not.toContain(description);
    expect(refused['detail']).toBe(`${error}: ${description}`);
    expect(refused['message']).toContain(` ${error}. `);
    expect(refused['message']).toContain(remedy);
  });

  it('reveals no secret, whatever it repeats', async () => {
    const { url } = await loginServer((response, body) =>
      json(response, 400, {
        error: `bad ${CLIENT_SECRET}`,
        error_description: `You sent ${body} or ${encodeURIComponent(CLIENT_SECRET)} or ${CLIENT_SECRET}`,
      }),
    );
    const error = (await errorOf(tokensFrom(url).current())) as Error;
    expect(error).toMatchObject({ code: 'AUTH_HTTP_400' });
    expect((error as NightloadError).detail).toContain('client_secret=[secret] or [secret] or [secret]');
    expect(`${inspect(error, { depth: null })} ${error.stack}`).not.toContain('cret+');
    for (const text of [error.message, (error as NightloadError).detail]) expect(text).not.toMatch(/cret(?:\+|%2B)/);
  });

  it('is not followed to another address', async () => {
    const other = await startOrg((_request, response) =>
      json(response, 200, { access_token: 'T', instance_url: 'https://a.b' }),
    );
    for (const status of [302, 307, 308]) {
      const { url } = await loginServer((response) => response.writeHead(status, { location: other.url }).end());
      expect(await errorOf(tokensFrom(url).current())).toMatchObject({ code: 'AUTH_REDIRECT', retryable: true });
    }
    expect(other.received).toEqual([]);
  });
});

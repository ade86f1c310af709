/** Which addresses a worker accepts for an org. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { connectionsFromEnvironment } from '../../../../src/salesforce/config/connections-from-env.js';
import { safeOrigin } from '../../../../src/salesforce/auth/safe-origin.js';

describe('a browser address as login or instance URL', () => {
  it.each([
    ['https://acme.lightning.force.com', 'acme.my.salesforce.com'],
    ['https://acme.lightning.force.com/lightning/o/Account/list?filterName=Recent', 'acme.my.salesforce.com'],
    ['https://ACME.Lightning.force.com/', 'acme.my.salesforce.com'],
    ['https://acme--uat.sandbox.lightning.force.com', 'acme--uat.sandbox.my.salesforce.com'],
    ['https://acme--uat.lightning.force.com', 'acme--uat.sandbox.my.salesforce.com'],
    ['https://acme-dev-ed.develop.lightning.force.com', 'acme-dev-ed.develop.my.salesforce.com'],
    ['https://efficiency-drive-42.scratch.lightning.force.com', 'efficiency-drive-42.scratch.my.salesforce.com'],
    ['https://acme.my.salesforce-setup.com/lightning/setup/SetupOneHome/home', 'acme.my.salesforce.com'],
    ['https://acme--uat.sandbox.my.salesforce-setup.com', 'acme--uat.sandbox.my.salesforce.com'],
    ['https://acme--c.vf.force.com/apex/Page', 'acme.my.salesforce.com'],
    ['https://acme--uat--c.sandbox.vf.force.com', 'acme--uat.sandbox.my.salesforce.com'],
    ['https://acme--c.na139.visual.force.com', 'acme.my.salesforce.com'],
    ['https://acme--c.visualforce.com', 'acme.my.salesforce.com'],
  ])('%s is refused with the My Domain address', (given, meant) => {
    expect(() => safeOrigin(given, 'SF_LOGIN_URL')).toThrow(
      expect.objectContaining({
        code: 'BROWSER_URL',
        message: expect.stringMatching(`: https://${meant}\\.$`) as string,
      }),
    );
  });

  it.each([
    'https://acme.my.salesforce.com',
    'https://acme--uat.sandbox.my.salesforce.com',
    'https://login.salesforce.com',
    'https://test.salesforce.com',
    'https://acme.my.site.com',
    'https://lightning.force.com.acme.example',
    'http://127.0.0.1:1234',
  ])('%s is not one', (address) => {
    expect(safeOrigin(address, 'SF_LOGIN_URL')).toBe(address);
  });

  const CLIENT = { SF_CLIENT_ID: 'app', SF_CLIENT_SECRET: 'secret' };
  it.each([
    ['SF_INSTANCE_URL', { SF_INSTANCE_URL: 'https://acme.lightning.force.com', SF_ACCESS_TOKEN: 'token' }],
    ['SF_LOGIN_URL', { SF_LOGIN_URL: 'https://acme.lightning.force.com', ...CLIENT }],
  ])('stops the worker before it starts: %s', (variable, env) => {
    expect(() => connectionsFromEnvironment(env)).toThrow(
      expect.objectContaining({ code: 'BROWSER_URL', message: expect.stringContaining(variable) as string }),
    );
  });

  it('stops the worker before it starts: in a connections file, by reference', () => {
    const path = join(mkdtempSync(join(tmpdir(), 'nightload-urls-')), 'connections.json');
    const entry = { auth: 'clientCredentials', loginUrl: 'env:URL', clientId: 'app', clientSecret: 'env:SECRET' };
    writeFileSync(path, JSON.stringify({ connections: { default: entry } }), { mode: 0o600 });
    const env = { NIGHTLOAD_CONNECTIONS: path, URL: 'https://acme.lightning.force.com', SECRET: 'secret' };
    expect(() => connectionsFromEnvironment(env)).toThrow(
      expect.objectContaining({
        code: 'BROWSER_URL',
        message: expect.stringContaining('connections.default.loginUrl is https://acme.lightning.force.com') as string,
      }),
    );
  });
});

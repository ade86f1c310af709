/** `nightload org capture`: the built command, against the setup of an org over HTTP. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { startDescribedOrg } from '../../../helpers/described-org.js';
import { describeOf, field, key, lookup } from '../../../helpers/org-folder.js';
import { nightload } from '../../../helpers/run-cli.js';
import { TOKEN } from '../../../helpers/salesforce.js';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'nightload-org-'))));
afterEach(() => rmSync(folder, { recursive: true }));

const contact = describeOf('Contact', '003', [key(), lookup('AccountId', 'Account', 'Account')]);
const account = describeOf('Account', '001', [field('Name')]);

async function capture(
  args: string[],
  env: NodeJS.ProcessEnv,
): Promise<{ code: number | string; out: string; err: string }> {
  const command = nightload(['org', 'capture', ...args], env, folder);
  const code = await command.ended;
  const [out, err] = [command.stdout(), command.stderr()];
  expect(out + err).not.toContain(TOKEN);
  return { code, out, err };
}

it('prints what it costs, captures, and says where; no secret is in the folder', async () => {
  const { url } = await startDescribedOrg({ objects: [{ describe: contact }, { describe: account }] });
  const env = { SF_INSTANCE_URL: url, SF_ACCESS_TOKEN: TOKEN };
  const { code, out, err } = await capture(['--object', 'Contact', '--out', 'acme', '--json'], env);
  expect({ code, err }).toMatchObject({ code: 0 });
  expect(err).toContain('Reads only. About 10 API requests');
  expect(err).toMatch(/Used \d+ API requests\. The rest takes 1: 1 parent\./);
  expect(JSON.parse(out)).toMatchObject({ objects: ['Contact'], parents: ['Account'], missing: [] });
  const files = readdirSync(join(folder, 'acme'), { recursive: true, withFileTypes: true }).filter((one) =>
    one.isFile(),
  );
  expect(files.map(({ name }) => name).sort()).toEqual(['Account.json', 'Contact.json', 'org.json']);
  for (const { parentPath, name } of files) expect(readFileSync(join(parentPath, name), 'utf8')).not.toContain(TOKEN);
});

it('reads only what the connection allows', async () => {
  const org = await startDescribedOrg({ objects: [{ describe: contact }, { describe: account }] });
  const connections = {
    prod: { auth: 'token', instanceUrl: org.url, accessToken: 'env:TOKEN', allow: { objects: ['Contact'] } },
  };
  const file = join(folder, 'connections.json');
  writeFileSync(file, JSON.stringify({ connections }), { mode: 0o600 });
  const env = { NIGHTLOAD_CONNECTIONS: file, TOKEN };
  const named = ['--connection', 'prod', '--out', 'acme'];
  const refused = await capture([...named, '--object', 'Account'], env);
  expect(refused.code).toBe(1);
  expect(refused.err).toContain('NOT_ALLOWED');
  expect(org.received).toEqual([]);
  const allowed = await capture([...named, '--object', 'Contact'], env);
  expect(allowed.code).toBe(0);
  expect(allowed.err).toContain('Account: the connection may not be used for this object');
  expect(readdirSync(join(folder, 'acme', 'objects'))).toEqual(['Contact.json']);
});

it('refuses a name that is none, and an unknown connection', async () => {
  const name = await capture(['--object', '../x', '--out', 'acme'], {});
  expect(name).toMatchObject({ code: 1, err: expect.stringContaining('USAGE') as string });
  const connection = await capture(['--object', 'Account', '--out', 'acme'], {});
  expect(connection).toMatchObject({ code: 1, err: expect.stringContaining('CONNECTION_NOT_CONFIGURED') as string });
});

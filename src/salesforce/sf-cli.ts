/**
 * The login that the Salesforce CLI (`sf`) of this machine has: for trying something out with a real org, without an app
 * of one's own. The CLI keeps and renews the login; nightload asks it for an access token, and again when that has expired.
 */
import { spawn } from 'node:child_process';
import { stripVTControlCharacters } from 'node:util';
import { cleanEnvironment } from '../clean-environment.js';
import { NightloadError } from '../errors.js';
import { plainText } from '../plain-text.js';
import { asObject, asText, parseJson } from './json.js';
import type { JsonObject } from './json.js';
import { checkedToken } from './tokens.js';
import type { AccessToken, TokenSource } from './tokens.js';
import { safeOrigin } from './urls.js';

/** An alias or a user name; never an option. */
export const ALIAS_PATTERN = '[A-Za-z0-9][A-Za-z0-9._@+-]{0,199}';

const PROGRAM = 'sf';
/** It starts slowly, and may have to renew its own login. */
const TIMEOUT_MS = 60_000;
const MAX_OUTPUT = 1_000_000;

const QUIET = {
  SF_DISABLE_TELEMETRY: 'true',
  SF_AUTOUPDATE_DISABLE: 'true',
  SF_SKIP_NEW_VERSION_CHECK: 'true',
  SF_DISABLE_LOG_FILE: 'true',
  NO_COLOR: '1',
};

/** What newer versions of the CLI show instead of a token is a sentence. */
const TOKEN = /^00D\w{12,15}![\x21-\x7e]+$/;

/** The connection's name for an alias that `--from-sf` gives. */
export function connectionNameOf(alias: string): string {
  return alias.replace(/[^A-Za-z0-9._-]/g, '-').slice(0, 100);
}

/** @throws NightloadError `USAGE` */
export function checkedAlias(alias: string): string {
  if (new RegExp(`^${ALIAS_PATTERN}$`).test(alias)) return alias;
  throw new NightloadError(
    'USAGE',
    '--from-sf takes an alias or a user name of the Salesforce CLI: sf org list shows them.',
  );
}

/** Asks nothing before a token is needed. */
export function sfCliTokens(alias: string, env: NodeJS.ProcessEnv = process.env): TokenSource {
  let instanceUrl: string | undefined;
  let token: Promise<AccessToken> | undefined;
  const ask = async (): Promise<AccessToken> => {
    const shown = instanceUrl === undefined ? await display(alias, env) : undefined;
    instanceUrl ??= shown?.instanceUrl as string;
    const accessToken = shown?.accessToken ?? (await showAccessToken(alias, env));
    return { instanceUrl, accessToken };
  };
  const current = (): Promise<AccessToken> => {
    if (token === undefined) {
      const asked = ask();
      token = asked;
      asked.catch(() => {
        if (token === asked) token = undefined;
      });
    }
    return token;
  };
  return {
    current,
    async renew(stale) {
      const held = current();
      const known = await held;
      if (known.accessToken !== stale) return known;
      if (token === held) {
        token = undefined;
        // Older versions show the token here only.
        instanceUrl = undefined;
      }
      const renewed = await current();
      if (renewed.accessToken !== stale) return renewed;
      throw new NightloadError(
        'SALESFORCE_CLI_LOGIN_EXPIRED',
        `The login "${alias}" of the Salesforce CLI has expired, and the CLI could not renew it. Log in again: sf org login web --alias ${alias}`,
        { retryable: true },
      );
    },
  };
}

async function display(alias: string, env: NodeJS.ProcessEnv): Promise<{ instanceUrl: string; accessToken?: string }> {
  const result = await runSf(['org', 'display', '--target-org', alias, '--json'], alias, env);
  const address = asText(result['instanceUrl']);
  if (address === undefined) throw unexpected('sf org display');
  const instanceUrl = safeOrigin(address, `The instance URL of "${alias}" in the Salesforce CLI`);
  const accessToken = asText(result['accessToken']);
  return { instanceUrl, ...(accessToken !== undefined && TOKEN.test(accessToken) && { accessToken }) };
}

async function showAccessToken(alias: string, env: NodeJS.ProcessEnv): Promise<string> {
  const result = await runSf(['org', 'auth', 'show-access-token', '--target-org', alias, '--json'], alias, env);
  const accessToken = asText(result['accessToken']);
  if (accessToken === undefined) throw unexpected('sf org auth show-access-token');
  return checkedToken(accessToken, `The access token of "${alias}" in the Salesforce CLI`);
}

async function runSf(args: readonly string[], alias: string, env: NodeJS.ProcessEnv): Promise<JsonObject> {
  const { code, out } = await output(args, env);
  const text = stripVTControlCharacters(out);
  const reply = asObject(parseJson(text.slice(Math.max(0, text.indexOf('{')))));
  const result = asObject(reply?.['result']);
  if (code === 0 && result !== undefined) return result;
  const name = asText(reply?.['name']) ?? '';
  if (/NamedOrgNotFound|NoAuthInfo|NoOrgFound|AuthInfoNotFound/i.test(name)) {
    throw new NightloadError(
      'SALESFORCE_CLI_LOGIN_NOT_FOUND',
      `The Salesforce CLI of this machine, as this user, has no login "${alias}". sf org list shows those it has; sf org login web --alias ${alias} adds one.`,
    );
  }
  // Its own words may hold what it was given: only the name of the error is shown.
  const what = /^\w{1,60}$/.test(name) ? name : `exit code ${code ?? 'unknown'}`;
  throw new NightloadError(
    'SALESFORCE_CLI_FAILED',
    `sf ${args.slice(0, -1).join(' ')} failed (${what}). Run it by hand to see why; sf org login web --alias ${alias} logs in again.`,
    { retryable: true },
  );
}

function unexpected(command: string): NightloadError {
  return new NightloadError(
    'SALESFORCE_CLI_FAILED',
    `${command} answered in a form that is not known. Update the Salesforce CLI: sf update.`,
    { retryable: true },
  );
}

async function output(args: readonly string[], env: NodeJS.ProcessEnv): Promise<{ code: number | null; out: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(PROGRAM, args, {
      env: { ...cleanEnvironment(PROGRAM, env), ...QUIET },
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: TIMEOUT_MS,
      killSignal: 'SIGKILL',
      windowsHide: true,
    });
    const chunks: Buffer[] = [];
    let size = 0;
    child.stdout.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > MAX_OUTPUT) child.kill('SIGKILL');
      else chunks.push(chunk);
    });
    child.on('error', (error: NodeJS.ErrnoException) => {
      reject(
        error.code === 'ENOENT'
          ? new NightloadError(
              'SALESFORCE_CLI_NOT_FOUND',
              'There is no program "sf" in PATH: install the Salesforce CLI (npm install --global @salesforce/cli), or log in another way.',
            )
          : new NightloadError(
              'SALESFORCE_CLI_FAILED',
              `sf cannot be started (${plainText(error.code ?? 'unknown', 40)}).`,
            ),
      );
    });
    child.on('close', (code) => resolve({ code, out: Buffer.concat(chunks).toString('utf8') }));
  });
}

/**
 * Uses the login of the Salesforce CLI (`sf`) on this machine, to try something with a real org without setting up an
 * app. The CLI keeps and renews the login; nightload asks it for an access token, and again when that has expired.
 */
import { spawn } from 'node:child_process';
import { parse } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { cleanEnvironment, findProgram } from '../../runtime/clean-environment.js';
import { NightloadError } from '../../errors.js';
import { plainText } from '../../domain/text/plain-text.js';
import { asObject, asText, parseJson } from '../resources/json.js';
import type { JsonObject } from '../resources/json.js';
import { checkedToken } from './token-source.js';
import type { AccessToken, TokenSource } from './token-source.js';
import { cliOrigin } from './safe-origin.js';

const PROGRAM = 'sf';
/** The CLI starts slowly, and may have to renew its own login. */
const TIMEOUT_MS = 60_000;
/** How long its output is read once it has ended. */
const GRACE_MS = 2_000;
const MAX_OUTPUT = 1_000_000;

const QUIET = {
  SF_DISABLE_TELEMETRY: 'true',
  SF_AUTOUPDATE_DISABLE: 'true',
  SF_SKIP_NEW_VERSION_CHECK: 'true',
  SF_DISABLE_LOG_FILE: 'true',
  NO_COLOR: '1',
};

/** Newer versions of the CLI show a sentence instead of a token. */
const TOKEN = /^00D\w{12,15}![\x21-\x7e]+$/;

export interface SfCliOptions {
  env?: NodeJS.ProcessEnv;
  /** Hosts of orgs beside those of Salesforce. */
  instanceUrlHosts?: readonly string[] | undefined;
  /** How long the CLI may take. @default 60 s */
  timeoutMs?: number;
}

/** The CLI is not called before a token is needed. */
export function sfCliTokens(alias: string, options: SfCliOptions = {}): TokenSource {
  const cli = { alias, env: process.env, timeoutMs: TIMEOUT_MS, ...options };
  let instanceUrl: string | undefined;
  let token: Promise<AccessToken> | undefined;
  const ask = async (): Promise<AccessToken> => {
    const shown = instanceUrl === undefined ? await display(cli) : undefined;
    instanceUrl ??= shown?.instanceUrl as string;
    const accessToken = shown?.accessToken ?? (await showAccessToken(cli));
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
        // Older versions show the token only here.
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

/** A login of the CLI, and how it is asked. */
type Cli = SfCliOptions & { alias: string; env: NodeJS.ProcessEnv; timeoutMs: number };

async function display(cli: Cli): Promise<{ instanceUrl: string; accessToken?: string }> {
  const result = await runSf(['org', 'display', '--target-org', cli.alias, '--json'], cli);
  const address = asText(result['instanceUrl']);
  if (address === undefined) throw unexpected('sf org display');
  const instanceUrl = cliOrigin(address, cli.alias, cli.instanceUrlHosts ?? []);
  const accessToken = asText(result['accessToken']);
  return { instanceUrl, ...(accessToken !== undefined && TOKEN.test(accessToken) && { accessToken }) };
}

async function showAccessToken(cli: Cli): Promise<string> {
  const result = await runSf(['org', 'auth', 'show-access-token', '--target-org', cli.alias, '--json'], cli);
  const accessToken = asText(result['accessToken']);
  if (accessToken === undefined) throw unexpected('sf org auth show-access-token');
  return checkedToken(accessToken, `The access token of "${cli.alias}" in the Salesforce CLI`);
}

async function runSf(args: readonly string[], cli: Cli): Promise<JsonObject> {
  const { alias } = cli;
  const { code, out } = await output(args, cli);
  const text = stripVTControlCharacters(out);
  const reply = asObject(parseJson(text.slice(Math.max(0, text.indexOf('{')))));
  const result = asObject(reply?.['result']);
  if (code === 0 && result !== undefined) return result;
  const name = asText(reply?.['name']) ?? '';
  if (/NamedOrgNotFound|NoAuthInfo|NoOrgFound|AuthInfoNotFound/i.test(name)) {
    throw new NightloadError(
      'SALESFORCE_CLI_LOGIN_NOT_FOUND',
      `The Salesforce CLI has no login "${alias}" for this user on this machine. sf org list shows its logins; sf org login web --alias ${alias} adds one.`,
    );
  }
  // The CLI's message may contain its input, so only the error's name is shown.
  const what = /^\w{1,60}$/.test(name) ? name : `exit code ${code ?? 'unknown'}`;
  throw new NightloadError(
    'SALESFORCE_CLI_FAILED',
    `sf ${args.slice(0, -1).join(' ')} failed (${what}). Run it manually to see why; sf org login web --alias ${alias} logs in again.`,
    { retryable: true },
  );
}

function unexpected(command: string): NightloadError {
  return new NightloadError(
    'SALESFORCE_CLI_FAILED',
    `${command} answered in an unknown format. Update the Salesforce CLI: sf update.`,
    { retryable: true },
  );
}

/** @throws NightloadError `SALESFORCE_CLI_NOT_FOUND` */
function pathOfSf(env: NodeJS.ProcessEnv): string {
  const path = findProgram(PROGRAM, env);
  if (path !== undefined) return path;
  throw new NightloadError(
    'SALESFORCE_CLI_NOT_FOUND',
    'The program "sf" is not on PATH: install the Salesforce CLI (npm install --global @salesforce/cli), or log in another way.',
  );
}

/**
 * What `sf` says, and its exit code. A program that it leaves behind may hold its output open: that is not waited for.
 * Nor is an `sf` that no signal ends.
 */
async function output(args: readonly string[], { env, timeoutMs }: Cli): Promise<{ code: number | null; out: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(pathOfSf(env), args, {
      // The CLI reads project settings from the working folder and its parents.
      cwd: parse(process.execPath).root,
      env: { ...cleanEnvironment(PROGRAM, env), ...QUIET },
      stdio: ['ignore', 'pipe', 'ignore'],
      windowsHide: true,
    });
    const chunks: Buffer[] = [];
    let size = 0;
    const finish = (code: number | null): void => {
      for (const timer of timers) clearTimeout(timer);
      child.stdout.destroy();
      child.unref();
      resolve({ code, out: Buffer.concat(chunks).toString('utf8') });
    };
    const timers = [
      setTimeout(() => {
        child.kill('SIGKILL');
        timers.push(setTimeout(finish, GRACE_MS, null));
      }, timeoutMs),
    ];
    child.stdout.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > MAX_OUTPUT) child.kill('SIGKILL');
      else chunks.push(chunk);
    });
    child.on('error', (error: NodeJS.ErrnoException) => {
      for (const timer of timers) clearTimeout(timer);
      reject(
        new NightloadError(
          'SALESFORCE_CLI_FAILED',
          `sf cannot be started (${plainText(error.code ?? 'unknown', 40)}). Check that "sf --version" runs in the same environment.`,
        ),
      );
    });
    // All that it wrote is in the pipe by now.
    child.on('exit', (code) => void timers.push(setTimeout(finish, GRACE_MS, code)));
    child.on('close', finish);
  });
}

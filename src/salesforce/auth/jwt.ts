/** The JWT bearer flow: a worker proves its identity with a private key whose certificate the connected app knows. */
import { createPrivateKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { SignJWT } from 'jose';
import { NightloadError } from '../../errors.js';
import { readPrivately } from '../../runtime/private-file.js';
import type { SecretsMode } from '../../runtime/private-file.js';
import type { Secret } from '../../runtime/secret.js';

/** RSA private key, PEM (PKCS#8 or PKCS#1), without a passphrase; one of the two. */
export interface JwtKey {
  /** Path of a file with the key. Read for each token, so that the key can be replaced. */
  keyFile?: string;
  /** Required permissions of that file. @default no check */
  mode?: SecretsMode;
  /** The key itself. */
  privateKey?: Secret;
}

export interface JwtSettings extends JwtKey {
  /** The org's own address (My Domain), https://login.salesforce.com or https://test.salesforce.com. */
  loginUrl: string;
  clientId: string;
  username: string;
  /**
   * `SF_JWT_AUDIENCE`.
   *
   * @default https://test.salesforce.com if the login address belongs to a sandbox or scratch org, else
   *   https://login.salesforce.com
   */
  audience?: string;
  /** Additional hosts, other than Salesforce's, that `instance_url` may name. */
  instanceUrlHosts?: readonly string[];
}

/** Salesforce accepts about this much at most. */
const LIFETIME_SECONDS = 180;
/** RS256 requires it. */
const MIN_BITS = 2048;

const MY_DOMAIN = '.my.salesforce.com';

function audienceOf({ audience, loginUrl }: JwtSettings): string {
  if (audience !== undefined) return audience;
  return isSandbox(new URL(loginUrl).hostname) ? 'https://test.salesforce.com' : 'https://login.salesforce.com';
}

function isSandbox(host: string): boolean {
  if (host === 'test.salesforce.com') return true;
  if (!host.endsWith(MY_DOMAIN)) return false;
  const [last = '', ...before] = host.slice(0, -MY_DOMAIN.length).split('.').reverse();
  return last.includes('--') || (before.length > 0 && ['sandbox', 'scratch'].includes(last));
}

function parseKey(pem: string): KeyObject | string {
  if (pem.includes('ENCRYPTED'))
    return 'is protected by a passphrase. Decrypt it: openssl pkey -in key.pem -out plain.pem';
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType !== 'rsa') return `holds a key of type ${key.asymmetricKeyType ?? 'unknown'}, not RSA`;
    const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
    return bits < MIN_BITS ? `holds a key of ${bits} bits; the minimum is ${MIN_BITS}` : key;
  } catch {
    return 'is not a private key in PEM format (PKCS#8 or PKCS#1); it may be the certificate or the public key';
  }
}

/**
 * Never repeats the path or the content: the key itself may have been put into the variable.
 *
 * @throws NightloadError `JWT_KEY_UNREADABLE`, `JWT_KEY_INVALID`. Both can be fixed while a load waits.
 */
export function readKey({ keyFile, mode, privateKey }: JwtKey): KeyObject {
  const key = parseKey(privateKey?.reveal() ?? readKeyFile(keyFile ?? '', mode));
  if (typeof key !== 'string') return key;
  throw new NightloadError(
    'JWT_KEY_INVALID',
    `${privateKey === undefined ? 'The file that SF_JWT_KEY_FILE names' : 'The private key'} ${key}. Use the RSA private key of the certificate in the ` +
      'connected app.',
    { retryable: true },
  );
}

function readKeyFile(keyFile: string, mode: SecretsMode | undefined): string {
  try {
    return mode === undefined ? readFileSync(keyFile, 'utf8') : readPrivately(keyFile, mode);
  } catch (error) {
    if (error instanceof NightloadError) throw error;
    throw new NightloadError(
      'JWT_KEY_UNREADABLE',
      `The file that SF_JWT_KEY_FILE names cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'}). ` +
        "Set the path of the private key, not the key itself, and let the worker's user read it.",
      { retryable: true },
    );
  }
}

/** For three minutes, anyone with the assertion can log in as the user: it is as secret as a token. */
export async function jwtAssertion(settings: JwtSettings): Promise<string> {
  return new SignJWT()
    .setProtectedHeader({ alg: 'RS256' })
    .setIssuer(settings.clientId)
    .setSubject(settings.username)
    .setAudience(audienceOf(settings))
    .setExpirationTime(Math.floor(Date.now() / 1000) + LIFETIME_SECONDS)
    .sign(readKey(settings));
}

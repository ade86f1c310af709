/** Reads an assertion signed with RS256. */
import { verify } from 'node:crypto';

export interface Claims {
  iss?: unknown;
  sub?: unknown;
  aud?: unknown;
  exp?: unknown;
}

/** `undefined` unless the owner of the key signed it. */
export function readAssertion(assertion: string, publicKey: string | undefined): Claims | undefined {
  const [header = '', payload = '', signature = '', ...more] = assertion.split('.');
  if (publicKey === undefined || more.length > 0 || readPart(header)?.['alg'] !== 'RS256') return undefined;
  const signed = Buffer.from(`${header}.${payload}`);
  return verify('RSA-SHA256', signed, publicKey, Buffer.from(signature, 'base64url')) ? readPart(payload) : undefined;
}

function readPart(part: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

/**
 * Creates certificates for tests: Node can read but not write them, and their format is a few nested lists of bytes.
 */
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

export interface Certificate {
  cert: string;
  key: string;
  name: string;
  privateKey: KeyObject;
}

export interface CertificateOptions {
  /** Its DNS names and IPv4 addresses. */
  names?: string[];
  /** The signer. @default itself */
  by?: Certificate;
  /** Whether it may sign others. @default false */
  authority?: boolean;
  /** @default tomorrow */
  notAfter?: Date;
}

export function certificate(name: string, options: CertificateOptions = {}): Certificate {
  const { names = [], by, authority = false, notAfter = new Date(Date.now() + 86_400_000) } = options;
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const extensions = [extension('551d13', list(authority ? tlv(0x01, Buffer.from([255])) : Buffer.alloc(0)))];
  if (names.length > 0) extensions.push(extension('551d11', list(...names.map(asName))));
  const body = list(
    tlv(0xa0, tlv(0x02, Buffer.from([2]))),
    tlv(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    ECDSA_SHA256,
    distinguished(by?.name ?? name),
    list(time(new Date(Date.now() - 7 * 86_400_000)), time(notAfter)),
    distinguished(name),
    publicKey.export({ type: 'spki', format: 'der' }),
    tlv(0xa3, list(...extensions)),
  );
  const signature = sign('sha256', body, by?.privateKey ?? privateKey);
  const der = list(body, ECDSA_SHA256, tlv(0x03, Buffer.concat([Buffer.from([0]), signature])));
  const lines = der.toString('base64').replace(/.{64}/g, '$&\n');
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    name,
    privateKey,
  };
}

function tlv(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, Math.floor(length / 256), length % 256];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

function list(...items: Buffer[]): Buffer {
  return tlv(0x30, Buffer.concat(items));
}

function oid(hex: string): Buffer {
  return tlv(0x06, Buffer.from(hex, 'hex'));
}

const ECDSA_SHA256 = list(oid('2a8648ce3d040302'));

function distinguished(name: string): Buffer {
  return list(tlv(0x31, list(oid('550403'), tlv(0x0c, Buffer.from(name)))));
}

function time(date: Date): Buffer {
  return tlv(0x17, Buffer.from(`${date.toISOString().replace(/\D/g, '').slice(2, 14)}Z`));
}

function extension(id: string, value: Buffer): Buffer {
  return list(oid(id), tlv(0x04, value));
}

function asName(name: string): Buffer {
  const isAddress = /^[\d.]+$/.test(name);
  return isAddress ? tlv(0x87, Buffer.from(name.split('.').map(Number))) : tlv(0x82, Buffer.from(name));
}

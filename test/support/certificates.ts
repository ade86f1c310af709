/** Certificates for servers and clients of a test, made by openssl. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Authority {
  /** Path of its certificate. */
  certificate: string;
  /** A certificate and its key, as PEM. */
  issue(commonName: string): { cert: string; key: string };
}

/** @param name of its files in the folder */
export function makeAuthority(folder: string, name: string): Authority {
  const file = (ending: string): string => join(folder, `${name}${ending}`);
  const openssl = (...args: string[]): void => void execFileSync('openssl', args, { stdio: 'pipe' });
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl(
    'req',
    '-x509',
    ...curve,
    '-days',
    '2',
    '-subj',
    `/CN=${name}`,
    '-keyout',
    file('.key'),
    '-out',
    file('.pem'),
  );
  return {
    certificate: file('.pem'),
    issue(commonName) {
      const [key, request, cert] = ['-leaf.key', '-leaf.csr', '-leaf.pem'].map(file) as [string, string, string];
      writeFileSync(file('.ext'), `subjectAltName=DNS:${commonName}`);
      openssl('req', ...curve, '-subj', `/CN=${commonName}`, '-keyout', key, '-out', request);
      openssl(
        ...['x509', '-req', '-in', request, '-CA', file('.pem'), '-CAkey', file('.key'), '-CAcreateserial'],
        ...['-days', '2', '-extfile', file('.ext'), '-out', cert],
      );
      return { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') };
    },
  };
}
